/** @typedef {import('./types.js').Power} Power */

const MOST = 600;
const SHORTEST_NS = 5e7;

/**
 * The power of a whole run in few rows, however long it gets: when they are full, neighbours of the same turn become one.
 */
export class Course {
  constructor() {
    this.version = 0;
    this.power = nothing();
    /** How many readings are in each row. @type {number[]} */
    this.weights = [];
    /** Rows are this long, by and by longer. */
    this.step_ns = SHORTEST_NS;
  }

  clear() {
    this.power = nothing();
    this.weights = [];
    this.step_ns = SHORTEST_NS;
    this.version += 1;
  }

  /** Adds what is newer than what is there. @param {Power | null | undefined} power */
  push(power) {
    for (let row = 0; row < (power?.t_ns.length ?? 0); row += 1) this.add(/** @type {Power} */ (power), row);
  }

  /** @param {Power} power @param {number} row @param {number} [weight] */
  add({ t_ns, mean, min, max, arm }, row, weight = 1) {
    const mine = this.power;
    const last = mine.t_ns.length - 1;
    if (last >= 0 && !(t_ns[row] > mine.t_ns[last])) return;
    this.version += 1;
    const joins = last >= 0 && mine.arm[last] === arm[row] && mine.mean[last] !== null && mean[row] !== null
      && Math.floor(mine.t_ns[last] / this.step_ns) === Math.floor(t_ns[row] / this.step_ns);
    if (joins) {
      this.merge(last, { t: t_ns[row], mean: /** @type {number} */ (mean[row]), min: min[row], max: max[row], weight });
      return;
    }
    mine.t_ns.push(t_ns[row]);
    mine.mean.push(mean[row]);
    mine.min.push(min[row]);
    mine.max.push(max[row]);
    mine.arm.push(arm[row]);
    this.weights.push(weight);
    if (mine.t_ns.length > MOST) this.thin();
  }

  /** @param {number} row @param {{t: number, mean: number, min: number | null, max: number | null, weight: number}} more */
  merge(row, { t, mean, min, max, weight }) {
    const { power, weights } = this;
    const before = /** @type {number} */ (power.mean[row]);
    weights[row] += weight;
    power.mean[row] = before + ((mean - before) * weight) / weights[row];
    power.min[row] = Math.min(power.min[row] ?? mean, min ?? mean);
    power.max[row] = Math.max(power.max[row] ?? mean, max ?? mean);
    power.t_ns[row] = t;
  }

  /** Half as many rows, more or less. */
  thin() {
    const full = this.power;
    const span = full.t_ns[full.t_ns.length - 1] - full.t_ns[0];
    const { weights } = this;
    this.power = nothing();
    this.weights = [];
    this.step_ns = Math.max(this.step_ns * 2, (span / MOST) * 2);
    for (let row = 0; row < full.t_ns.length; row += 1) this.add(full, row, weights[row]);
    // A run of nothing but very short turns cannot be thinned without mixing them: the oldest go.
    for (const column of [...Object.values(this.power), this.weights]) column.splice(0, Math.max(0, column.length - MOST));
  }

  /** The largest reading; 0 without any. */
  peak() {
    return this.power.max.reduce((peak, value) => Math.max(/** @type {number} */ (peak), value ?? 0), 0) ?? 0;
  }
}

/** @returns {Power} */
function nothing() {
  return { t_ns: [], mean: [], min: [], max: [], arm: [] };
}

/**
 * The course as one filled path for each arm, and one (the last) for the time of nobody's turn.
 * @param {Power} power @param {string[]} labels @param {(t: number) => number} x @param {(watts: number) => number} y
 */
export function areas(power, labels, x, y) {
  const found = [...labels, null].map(() => '');
  const gap = 4 * Math.max(5e8, typical(power.t_ns));
  let begin = 0;
  for (let row = 1; row <= power.t_ns.length; row += 1) {
    const goes = row < power.t_ns.length && power.arm[row] === power.arm[row - 1] && power.t_ns[row] - power.t_ns[row - 1] < gap;
    if (goes) continue;
    const slot = labels.indexOf(power.arm[begin] ?? '');
    // The area begins where the one before it ended, so that turns touch.
    const from = begin > 0 && power.t_ns[begin] - power.t_ns[begin - 1] < gap ? power.t_ns[begin - 1] : power.t_ns[begin];
    found[slot < 0 ? labels.length : slot] += area(power, begin, row, x(from), x, y);
    begin = row;
  }
  return found;
}

/** @param {Power} power @param {number} begin @param {number} end @param {number} left @param {(t: number) => number} x @param {(watts: number) => number} y */
function area(power, begin, end, left, x, y) {
  let path = `M${tenth(left)} ${tenth(y(0))}`;
  for (let row = begin; row < end; row += 1) {
    const height = tenth(y(power.mean[row] ?? 0));
    path += row === begin ? `V${height}L${tenth(x(power.t_ns[row]))} ${height}` : `L${tenth(x(power.t_ns[row]))} ${height}`;
  }
  return `${path}V${tenth(y(0))}Z`;
}

/** @param {number[]} times */
function typical(times) {
  return times.length > 1 ? (times[times.length - 1] - times[0]) / (times.length - 1) : 0;
}

/** @param {number} pixels */
function tenth(pixels) {
  return Math.round(pixels * 10) / 10;
}
