import { element, setStyle, setText, show } from './dom.js';
import { known } from './format.js';
import { clockText } from './dvrview.js';
import { ARM, MAX, MEAN, MIN, T, Track } from './track.js';

/** @typedef {import('./ring.js').Ring} Ring */
/** @typedef {{t_ns: number, watts: number, low: number, high: number, slot: number}} Reading */
/** @typedef {{ring: Ring, t_ns: number, max: number, x: number, top: number, bottom: number}} Spot where a chart is pointed at, in the browser's pixels */

/**
 * The reading nearest to `t_ns`; null where nothing was measured near it.
 * @param {Ring} ring @param {number} t_ns @returns {Reading | null}
 */
export function readingAt(ring, t_ns) {
  const after = ring.indexFrom(T, t_ns);
  const before = after - 1;
  const row = after >= ring.length || (before >= 0 && t_ns - ring.at(T, before) < ring.at(T, after) - t_ns) ? before : after;
  if (row < 0 || row >= ring.length || Math.abs(ring.at(T, row) - t_ns) > Track.gap(ring)) return null;
  const watts = ring.at(MEAN, row);
  if (Number.isNaN(watts)) return null;
  return { t_ns: ring.at(T, row), watts, low: ring.at(MIN, row), high: ring.at(MAX, row), slot: ring.at(ARM, row) };
}

/** A reading in words: whose watts, how many, when, and between what they moved. @param {Reading} reading @param {string[]} labels */
export function readingText({ t_ns, watts, low, high, slot }, labels) {
  const whose = labels[slot] ? `${labels[slot]} ` : '';
  const range = known(low) && known(high) && high - low >= 0.1 ? `, ${low.toFixed(1)} to ${high.toFixed(1)}` : '';
  return `${whose}${watts.toFixed(1)} W at ${clockText(t_ns, 2)}${range}`;
}

/** The label and the line at what is pointed at. */
export class Reader {
  constructor() {
    this.line = element('i', 'dvr-line');
    this.text = element('output', 'dvr-reading');
    this.text.setAttribute('aria-live', 'off');
    document.body.append(this.line, this.text);
    this.hide();
  }

  /** @param {Spot | null} spot @param {string[]} labels */
  draw(spot, labels) {
    const reading = spot && readingAt(spot.ring, spot.t_ns);
    if (!spot || !reading) return this.hide();
    setText(this.text, readingText(reading, labels));
    show(this.text, true);
    show(this.line, true);
    this.text.setAttribute('data-slot', String(reading.slot));
    const wide = this.text.offsetWidth;
    const left = Math.min(Math.max(4, spot.x - wide / 2), document.documentElement.clientWidth - wide - 4);
    // Where the line is not: below a high reading, above a low one.
    const top = reading.watts > spot.max / 2 ? spot.bottom - this.text.offsetHeight - 3 : spot.top + 3;
    setStyle(this.text, 'transform', `translate(${Math.round(left)}px, ${Math.round(top)}px)`);
    setStyle(this.line, 'transform', `translate(${Math.round(spot.x)}px, ${Math.round(spot.top)}px)`);
    setStyle(this.line, 'height', `${Math.round(spot.bottom - spot.top)}px`);
  }

  hide() {
    show(this.text, false);
    show(this.line, false);
  }
}
