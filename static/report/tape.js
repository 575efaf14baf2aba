import { Tracks } from '../tracks.js';

/** @typedef {import('../types.js').Frame} Frame */
/** @typedef {import('../types.js').Power} Power */
/** @typedef {import('../types.js').Run} Run */
/** @typedef {{run: Run, begin: number, end: number, frames: Frame[], power: Power, powers: Record<string, Power>}} Content */

/** Unpacks what the page carries: JSON, deflated, as base64. @param {string} text @returns {Promise<Content>} */
export async function unpack(text) {
  return inflate(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}

/** @param {BufferSource} bytes JSON, deflated @returns {Promise<Content>} */
export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(stream).json();
}

/** A recorded race: at any moment its frame, and the power tracks as a viewer of then would have had them. */
export class Tape {
  /** @param {Content} content */
  constructor(content) {
    this.content = content;
    this.labels = content.run.arms.map(({ label }) => label);
    this.played_t_ns = -Infinity;
    this.tracks = this.fresh();
  }

  fresh() {
    return new Tracks(this.labels, this.content.run.schedule?.mode);
  }

  /** The newest frame at `t_ns`, the first before it. @param {number} t_ns */
  frame(t_ns) {
    const { frames } = this.content;
    return frames[Math.max(0, until(frames.length, (index) => Number(frames[index].run_t_ns) <= t_ns) - 1)];
  }

  /** Brings the tracks to `t_ns`; back in time they begin anew. @param {number} t_ns */
  play(t_ns) {
    if (t_ns < this.played_t_ns) {
      this.tracks = this.fresh();
      this.played_t_ns = -Infinity;
    }
    this.tracks.push(/** @type {any} */ (this.between(this.played_t_ns, t_ns)));
    this.played_t_ns = t_ns;
  }

  /** The power after one time and up to another, as a frame has it. @param {number} after @param {number} upTo */
  between(after, upTo) {
    const { power, powers } = this.content;
    const fresh = Object.entries(powers).map(([label, own]) => [label, part(own, after, upTo)]);
    return { power: part(power, after, upTo), powers: Object.fromEntries(fresh) };
  }

  /** The highest power of the race. */
  peak() {
    const all = [this.content.power, ...Object.values(this.content.powers)];
    return all.reduce((most, { max }) => max.reduce((peak, watts) => Math.max(peak ?? 0, watts ?? 0), most) ?? most, 0);
  }
}

/** The rows after one time and up to another. @param {Power} power @param {number} after @param {number} upTo */
function part(power, after, upTo) {
  const from = until(power.t_ns.length, (index) => power.t_ns[index] <= after);
  const to = until(power.t_ns.length, (index) => power.t_ns[index] <= upTo);
  return Object.fromEntries(Object.entries(power).map(([name, column]) => [name, column.slice(from, to)]));
}

/** How many of the first rows are so, by halves. @param {number} length @param {(index: number) => boolean} isSo */
function until(length, isSo) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isSo(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
