import { Ring } from './ring.js';

/** @typedef {import('./types.js').Power} Power */

/** Columns of a track's ring. */
export const T = 0;
export const MEAN = 1;
export const MIN = 2;
export const MAX = 3;
export const ARM = 4;

/** What the chart shows of the past, in nanoseconds. */
export const WINDOW_NS = 30e9;

const CAPACITY = 2048; // 30 s hold 600 frames; a server that sends two buckets a frame still fits
const SHORTEST_GAP_NS = 5e8;
const MOST_PREFILLS = 400; // more than are told apart in one chart

/**
 * The device's power over the last half minute, with whose turn it was, and for each arm a copy of the track as it
 * was when its last turn ended.
 */
export class Track {
  /** @param {string[]} labels arms, in the order of their slots */
  constructor(labels) {
    this.labels = labels;
    this.ring = new Ring(CAPACITY, 5);
    /** @type {Map<string, {ring: Ring, end_t_ns: number}>} */
    this.ghosts = new Map();
    /** @type {Map<string, [number, number][]>} when each arm read prompts, newest last */
    this.prefills = new Map();
    this.version = 0;
    /** Rises when what was there has been replaced, and not only gone on. */
    this.epoch = 0;
    /** How much time a chart of it shows, and whether that is a part of the past that somebody looks back at. */
    this.span_ns = WINDOW_NS;
    this.past = false;
  }

  /** Adds what is newer than what is there; late or repeated buckets are dropped.
   * @param {Power | null | undefined} power */
  push(power) {
    if (!power?.t_ns?.length) return;
    for (let row = 0; row < power.t_ns.length; row += 1) {
      const t = power.t_ns[row];
      if (!(this.ring.length === 0 || t > this.ring.last(T))) continue;
      const slot = this.labels.indexOf(power.arm?.[row] ?? '');
      const previous = this.ring.last(ARM);
      if (previous >= 0 && previous !== slot) this.freeze(previous);
      this.ring.push(t, number(power.mean?.[row]), number(power.min?.[row]), number(power.max?.[row]), slot);
    }
    this.version += 1;
  }

  /** Adds when an arm read prompts; what is there already is dropped. @param {string} label @param {[number, number][] | undefined} spans */
  read(label, spans) {
    if (!spans?.length) return;
    const known = this.prefills.get(label) ?? [];
    const fresh = spans.filter(([from, until]) => !known.some((span) => span[0] === from && span[1] === until));
    this.prefills.set(label, [...known, ...fresh].slice(-MOST_PREFILLS));
  }

  /** Takes a hello's history in place of the ring; ghosts older than it are kept. @param {Power | null | undefined} history */
  replace(history) {
    this.ring.clear();
    this.push(history);
    this.version += 1;
    this.epoch += 1;
  }

  /** Keeps the picture of a turn that has just ended. @param {number} slot the arm whose turn it was */
  freeze(slot) {
    this.ghosts.set(this.labels[slot], { ring: this.ring.copy(), end_t_ns: this.ring.last(T) });
  }

  /**
   * Takes the picture of a turn that was over before this page came.
   * @param {number} slot whose turn it was @param {Power} power that of its last half minute, and of a little after it
   */
  recall(slot, power) {
    const past = new Track(this.labels);
    past.push(power);
    const { ring } = past;
    let rows = ring.length;
    while (rows > 0 && ring.at(ARM, rows - 1) !== slot) rows -= 1;
    const known = this.ghosts.get(this.labels[slot]);
    if (rows === 0 || (known && known.end_t_ns > ring.at(T, rows - 1))) return;
    const turn = new Ring(CAPACITY, 5);
    for (let row = 0; row < rows; row += 1) turn.push(...ring.columns.map((_, column) => ring.at(column, row)));
    this.ghosts.set(this.labels[slot], { ring: turn, end_t_ns: turn.last(T) });
    this.version += 1;
  }

  /** What an arm that rests shows, or undefined before its first turn. @param {number} slot */
  ghost(slot) {
    if (this.past) return undefined;
    const label = this.labels[slot];
    // The newest turn may have ended without anybody's turn after it, as at the end of a run.
    if (this.ring.last(ARM) === slot && this.ghosts.get(label)?.end_t_ns !== this.ring.last(T)) this.freeze(slot);
    return this.ghosts.get(label);
  }

  /** The newest mean in watts, NaN when there is none. */
  newest() {
    return this.ring.last(MEAN);
  }

  /** An independent copy, for a picture that is held. */
  copy() {
    const twin = new Track(this.labels);
    twin.ring = this.ring.copy();
    twin.ghosts = new Map(this.ghosts);
    twin.prefills = new Map(this.prefills);
    twin.version = this.version;
    twin.epoch = this.epoch;
    return twin;
  }

  /** A step longer than this is a gap: nothing was measured in it. @param {Ring} ring */
  static gap(ring) {
    const typical = ring.length > 1 ? (ring.last(T) - ring.at(T, 0)) / (ring.length - 1) : 0;
    return Math.max(SHORTEST_GAP_NS, 5 * typical);
  }

  /** The largest reading from `from_t_ns` on, in the ring and in every ghost; 0 when there is none.
   * @param {number} from_t_ns */
  peak(from_t_ns) {
    let peak = ringPeak(this.ring, from_t_ns);
    if (this.past) return peak;
    for (const ghost of this.ghosts.values()) {
      peak = Math.max(peak, ringPeak(ghost.ring, ghost.end_t_ns - WINDOW_NS));
    }
    return peak;
  }
}

/** @param {Ring} ring @param {number} from_t_ns */
function ringPeak(ring, from_t_ns) {
  let peak = 0;
  for (let row = ring.indexFrom(T, from_t_ns); row < ring.length; row += 1) {
    const value = ring.at(MAX, row);
    if (value > peak) peak = value;
  }
  return peak;
}

/** @param {number | null | undefined} value */
function number(value) {
  return typeof value === 'number' ? value : NaN;
}
