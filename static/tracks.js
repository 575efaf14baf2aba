import { Track } from './track.js';

/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Hello} Hello */
/** @typedef {import('./types.js').Power} Power */

/**
 * The power track behind each arm's chart. Arms that take turns share one. Arms that run in parallel have devices, and
 * so a track, of their own. Arms that share a device at the same time all see the same power, and each sees it as its.
 */
export class Tracks {
  /** @param {string[]} labels arms, in the order of their slots @param {string | undefined} mode of the schedule */
  constructor(labels, mode) {
    this.labels = labels;
    this.mode = mode ?? 'alternate';
    const one = new Track(labels);
    /** @type {Map<string, Track>} */
    this.byLabel = new Map(labels.map((label) => [label, this.together() ? one : new Track(labels)]));
  }

  together() {
    return this.mode !== 'parallel' && this.mode !== 'shared';
  }

  /** @param {string} label @returns {Track} */
  of(label) {
    return /** @type {Track} */ (this.byLabel.get(label));
  }

  /** Adds what a frame brings. @param {Frame} frame */
  push(frame) {
    this.each(frame.powers, frame.power, (track, power) => track.push(power));
    for (const [label, figures] of Object.entries(frame.arms ?? {})) this.byLabel.get(label)?.read(label, figures.prefill);
  }

  /** Takes a hello's history in place of what is there. @param {Hello} hello */
  replace(hello) {
    this.each(hello.powers, hello.history, (track, power) => track.replace(power));
  }

  /**
   * @param {Record<string, Power> | null | undefined} powers
   * @param {Power | null | undefined} power
   * @param {(track: Track, power: Power | null | undefined) => void} take
   */
  each(powers, power, take) {
    if (this.together()) {
      for (const track of new Set(this.byLabel.values())) take(track, power);
      return;
    }
    for (const [label, track] of this.byLabel) {
      take(track, this.mode === 'parallel' ? powers?.[label] : asOwn(power, label));
    }
  }

  /** An independent copy, for a picture that is held. */
  copy() {
    const twin = new Tracks(this.labels, this.mode);
    const copies = new Map([...new Set(this.byLabel.values())].map((track) => [track, track.copy()]));
    for (const [label, track] of this.byLabel) twin.byLabel.set(label, /** @type {Track} */ (copies.get(track)));
    return twin;
  }

  /** The largest reading from `from_t_ns` on. @param {number} from_t_ns */
  peak(from_t_ns) {
    return Math.max(0, ...[...new Set(this.byLabel.values())].map((track) => track.peak(from_t_ns)));
  }
}

/** Power of a device that all arms are on, as one of them sees it. @param {Power | null | undefined} power @param {string} label */
function asOwn(power, label) {
  return power && { ...power, arm: power.arm.map((arm) => (arm === null ? null : label)) };
}
