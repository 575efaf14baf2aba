/** The power axis that all charts share. */

const NICE = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];
const HEADROOM = 1.06;
const SHRINK_AFTER_MS = 4000;
const CHANGE_EVERY_MS = 1000;

/** The smallest round number that `peak` fits under. @param {number} peak */
export function niceMax(peak) {
  if (!(peak > 0) || !Number.isFinite(peak)) return 100;
  const power = 10 ** Math.floor(Math.log10(peak));
  const step = NICE.find((nice) => nice * power >= peak * (1 - 1e-9)) ?? 10;
  return step * power;
}

/** Three or four ticks from 0 up: few, so that they can be large. @param {number} max */
export function ticks(max) {
  const power = 10 ** Math.floor(Math.log10(max));
  const lead = Math.round((max / power) * 10) / 10;
  const parts = { 1: 2, 1.5: 3, 2: 2, 3: 3, 4: 2, 5: 2, 6: 3, 8: 2, 10: 2 }[lead] ?? 2;
  return Array.from({ length: parts + 1 }, (_, index) => (max * index) / parts);
}

/** @param {number[]} values */
export function tickLabels(values) {
  return values.map((value, index) => {
    const text = String(Math.round(value * 1000) / 1000);
    return index === values.length - 1 ? `${text} W` : text;
  });
}

/**
 * A top that follows the peak calmly: up as soon as the axis may change again, down only after the peak has
 * stayed low for a while, and never more than once a second.
 */
export class SharedScale {
  constructor() {
    this.max = 100;
    this.changedMs = -Infinity;
    this.neededMs = -Infinity;
  }

  /** True when the axis has changed. @param {number} peak watts @param {number} nowMs */
  follow(peak, nowMs) {
    if (!(peak > 0)) return false;
    const wanted = niceMax(peak * HEADROOM);
    if (wanted >= this.max) this.neededMs = nowMs;
    const shrinks = wanted < this.max && (nowMs - this.neededMs > SHRINK_AFTER_MS || this.changedMs === -Infinity);
    if (!(wanted > this.max || shrinks) || nowMs - this.changedMs < CHANGE_EVERY_MS) return false;
    this.max = wanted;
    this.changedMs = nowMs;
    this.neededMs = nowMs;
    return true;
  }
}
