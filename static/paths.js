/** @typedef {import('./decimate.js').Points} Points */

/**
 * SVG path data of one arm's picture: its own turns as a line and an envelope, all other time as a thin line.
 * A step in time longer than `gap_ns` and a missing reading break the line: nothing is drawn where nothing was measured.
 * @param {Points} points
 * @param {number} slot whose turns are its own
 * @param {(t: number) => number} x
 * @param {(watts: number) => number} y
 * @param {number} gap_ns
 */
export function paths(points, slot, x, y, gap_ns) {
  let own = '';
  let other = '';
  let envelope = '';
  let start = 0;
  for (let index = 1; index <= points.length; index += 1) {
    if (index < points.length && joined(points, index, gap_ns)) continue;
    if (!Number.isNaN(points.mean[start])) {
      if (points.arm[start] === slot) {
        // The line starts at the end of what came before, so that turns touch.
        const from = touches(points, start, gap_ns) ? start - 1 : start;
        own += line(points, from, index, x, y);
        envelope += area(points, start, index, x, y);
      } else {
        const from = touches(points, start, gap_ns) ? start - 1 : start;
        other += line(points, from, index, x, y);
      }
    }
    start = index;
  }
  return { own, other, envelope };
}

/** @param {Points} points @param {number} index @param {number} gap_ns */
function joined(points, index, gap_ns) {
  return points.arm[index] === points.arm[index - 1] && touches(points, index, gap_ns)
    && !Number.isNaN(points.mean[index]);
}

/** @param {Points} points @param {number} index @param {number} gap_ns */
function touches(points, index, gap_ns) {
  return index > 0 && points.t[index] - points.t[index - 1] <= gap_ns && !Number.isNaN(points.mean[index - 1]);
}

/** @param {Points} points @param {number} from @param {number} to
 * @param {(t: number) => number} x @param {(watts: number) => number} y */
function line(points, from, to, x, y) {
  let path = '';
  for (let index = from; index < to; index += 1) {
    path += `${index === from ? 'M' : 'L'}${tenth(x(points.t[index]))} ${tenth(y(points.mean[index]))}`;
  }
  // A lone point is still a reading: a stub makes the round line cap paint it.
  return to - from === 1 ? `${path}h.1` : path;
}

/** @param {Points} points @param {number} from @param {number} to
 * @param {(t: number) => number} x @param {(watts: number) => number} y */
function area(points, from, to, x, y) {
  if (to - from < 2) return '';
  let path = '';
  for (let index = from; index < to; index += 1) {
    path += `${index === from ? 'M' : 'L'}${tenth(x(points.t[index]))} ${tenth(y(points.max[index]))}`;
  }
  for (let index = to - 1; index >= from; index -= 1) {
    path += `L${tenth(x(points.t[index]))} ${tenth(y(points.min[index]))}`;
  }
  return `${path}Z`;
}

/** @param {number} pixels */
function tenth(pixels) {
  return Math.round(pixels * 10) / 10;
}
