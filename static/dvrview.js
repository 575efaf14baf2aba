/**
 * What part of a run a viewer looks at; nothing here touches the browser. Times are nanoseconds of the run's clock.
 *
 * @typedef {{from: number, to: number}} Span
 * @typedef {{kind: 'live'} | {kind: 'paused', span: Span} | {kind: 'behind', lag_ns: number, span_ns: number}} View
 *   at what is newest; at a part that stands still; or at one that moves on, so much behind
 */

export const USUAL_NS = 30e9;
const SHORTEST_NS = 1e9;

/** The part of the run that the charts show, with what is newest at `end`. @param {View} view @param {number} end @returns {Span} */
export function spanOf(view, end) {
  if (view.kind === 'live') return { from: end - USUAL_NS, to: end };
  if (view.kind === 'paused') return view.span;
  return fitted({ from: end - view.lag_ns - view.span_ns, to: end - view.lag_ns }, end);
}

/**
 * The same length of time, moved into the run; no shorter than can be read, and no longer than there is. A run that is
 * shorter than what charts usually show ends at the right edge, as it does live.
 * @param {Span} span @param {number} end @returns {Span}
 */
export function fitted({ from, to }, end) {
  const long = Math.min(Math.max(to - from, SHORTEST_NS), Math.max(end, USUAL_NS));
  const last = Math.min(Math.max(to, Math.min(long, end)), end);
  return { from: last - long, to: last };
}

/** @param {View} view @param {number} end @returns {View} */
export function pause(view, end) {
  return { kind: 'paused', span: fitted(spanOf(view, end), end) };
}

/** Goes on from where it is, as long behind as that is by now. @param {View} view @param {number} end @returns {View} */
export function play(view, end) {
  const { from, to } = spanOf(view, end);
  return end - to < 1e8 && to - from === USUAL_NS ? LIVE : { kind: 'behind', lag_ns: Math.max(0, end - to), span_ns: to - from };
}

/** @type {View} */
export const LIVE = Object.freeze({ kind: 'live' });

/** Moves on by `by_ns`, or back; past what is newest is live. @param {View} view @param {number} by_ns @param {number} end @returns {View} */
export function shift(view, by_ns, end) {
  const { from, to } = spanOf(view, end);
  if (to + by_ns >= end && by_ns > 0) return to - from === USUAL_NS ? LIVE : { kind: 'behind', lag_ns: 0, span_ns: to - from };
  return { kind: 'paused', span: fitted({ from: from + by_ns, to: to + by_ns }, end) };
}

/** Shows `factor` times as much time, with `at` staying where it is. @param {View} view @param {number} factor @param {number} at @param {number} end @returns {View} */
export function zoom(view, factor, at, end) {
  const { from, to } = spanOf(view, end);
  const long = Math.min(Math.max((to - from) * factor, SHORTEST_NS), Math.max(end, USUAL_NS));
  const before = (to - from) > 0 ? (at - from) / (to - from) : 1;
  const begin = at - before * long;
  if (view.kind !== 'paused' && begin + long >= end - 1e8) return { kind: 'behind', lag_ns: 0, span_ns: long };
  return { kind: 'paused', span: fitted({ from: begin, to: begin + long }, end) };
}

/** The same length of time around `at`. @param {View} view @param {number} at @param {number} end @returns {View} */
export function centre(view, at, end) {
  const { from, to } = spanOf(view, end);
  const half = (to - from) / 2;
  return shift({ kind: 'paused', span: { from: at - half, to: at + half } }, 0, end);
}

/** A time of the run: 1:20, or 1:20.5 where tenths tell times apart. @param {number} t_ns @param {number} [digits] */
export function clockText(t_ns, digits = 0) {
  const unit = 10 ** digits;
  const all = Math.max(0, Math.round((t_ns / 1e9) * unit));
  const whole = Math.floor(all / unit);
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = digits ? `.${String(all % unit).padStart(digits, '0')}` : '';
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds)}${tail}`;
}

/** A length of time in words: 12 s, 3 min 20 s. @param {number} ns */
export function lengthText(ns) {
  const seconds = Math.max(0, Math.round(ns / 1e9));
  if (seconds < 100) return `${seconds} s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest ? ` ${rest} s` : ''}`;
}

/**
 * What the charts show, in words: nobody must take the past for the present. Empty while they show what is newest.
 * @param {View} view @param {number} end @param {'live' | 'replay' | 'over'} what the run is
 */
export function words(view, end, what) {
  if (view.kind === 'live') return '';
  const { from, to } = spanOf(view, end);
  const digits = to - from < 10e9 ? 1 : 0;
  const part = `Charts show ${clockText(from, digits)}–${clockText(to, digits)}`;
  if (what === 'over') return `${part} of ${clockText(end)}; figures are final`;
  const lag = end - to;
  const behind = lag < 5e8 ? '' : `, ${lengthText(lag)} behind ${what === 'live' ? 'live' : 'the replay'}`;
  return `${part}${behind}; figures are ${what === 'live' ? 'live' : 'the newest'}`;
}

const STEPS_S = [0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

/**
 * Three or four round times of the span, for an axis whose left end is `left` and whose right end is 0.
 * @param {Span} span @param {number} left @param {number} [most]
 * @returns {{at: number[], labels: string[]}}
 */
export function timeTicks({ from, to }, left, most = 4) {
  const step = (STEPS_S.find((seconds) => (to - from) / 1e9 / seconds <= most) ?? 14_400) * 1e9;
  const digits = step < 1e9 ? 1 : 0;
  const [at, labels] = [/** @type {number[]} */ ([]), /** @type {string[]} */ ([])];
  // Labels at the very ends would be cut.
  const margin = (to - from) * 0.04;
  for (let t = Math.ceil(Math.max(0, from + margin) / step) * step; t <= to - margin; t += step) {
    at.push(left * ((to - t) / (to - from)));
    labels.push(clockText(t, digits));
  }
  return { at, labels };
}

/** A step of the keyboard: a fifth of what is shown. @param {View} view @param {number} end */
export function stride(view, end) {
  const { from, to } = spanOf(view, end);
  return (to - from) / 5;
}

