import { ARM, MAX, MEAN, MIN, T } from './track.js';

/** @typedef {import('./ring.js').Ring} Ring */

/** Points ready to be drawn, in columns that are used again for the next drawing. */
export class Points {
  /** @param {number} capacity */
  constructor(capacity) {
    this.t = new Float64Array(capacity);
    this.mean = new Float64Array(capacity);
    this.min = new Float64Array(capacity);
    this.max = new Float64Array(capacity);
    this.arm = new Float64Array(capacity);
    this.length = 0;
  }
}

/**
 * Puts the rows from `from_t_ns` on, about `span_ns` of them, into `points`: as they are when they fit into `limit`, else as the minimum, maximum
 * and mean of buckets. Buckets stand on a fixed grid of time, so a picture that scrolls does not shimmer, and never mix two arms or a missing reading with readings.
 * @param {Ring} ring
 * @param {number} from_t_ns
 * @param {number} span_ns
 * @param {number} limit
 * @param {Points} points
 */
export function decimate(ring, from_t_ns, span_ns, limit, points) {
  const first = ring.indexFrom(T, from_t_ns);
  const rows = ring.length - first;
  const width = rows > limit ? span_ns / limit : 0;
  points.length = 0;
  let bucket = NaN;
  let weight = 0;
  for (let row = first; row < first + rows; row += 1) {
    const t = ring.at(T, row);
    const arm = ring.at(ARM, row);
    const mean = ring.at(MEAN, row);
    const index = width ? Math.floor(t / width) : row;
    const last = points.length - 1;
    const joins = index === bucket && arm === points.arm[last] && !Number.isNaN(mean) && !Number.isNaN(points.mean[last]);
    if (joins) {
      weight += 1;
      points.t[last] += (t - points.t[last]) / weight;
      points.mean[last] += (mean - points.mean[last]) / weight;
      points.min[last] = Math.min(points.min[last], ring.at(MIN, row));
      points.max[last] = Math.max(points.max[last], ring.at(MAX, row));
    } else if (points.length < points.t.length) {
      const next = points.length;
      points.t[next] = t;
      points.mean[next] = mean;
      points.min[next] = orElse(ring.at(MIN, row), mean);
      points.max[next] = orElse(ring.at(MAX, row), mean);
      points.arm[next] = arm;
      points.length += 1;
      bucket = index;
      weight = 1;
    }
  }
  return points;
}

/** @param {number} value @param {number} fallback */
function orElse(value, fallback) {
  return Number.isNaN(value) ? fallback : value;
}
