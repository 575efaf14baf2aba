/** What tests and benches read from the page, as `window.wattrace`; the page itself never does. */
export const counters = {
  framesReceived: 0,
  framesDrawn: 0,
  lastSeq: NaN,
  gaps: 0,
  missed: 0,
  /** @type {number | null} from navigation to the first painted figures */
  firstDigitsMs: null,
  /** the server's clock when it published the newest frame that has come */
  stamp_t_ns: NaN,
  /** @type {number | null} from navigation to the first painted line of a chart */
  firstLineMs: null,
  /** @type {number | null} from navigation to the painted axes */
  axesMs: null,
};

/** @type {Set<string>} */
const noted = new Set();

/**
 * Calls `then` when the browser has laid out and painted what an animation frame has just written: the first task after
 * it. To be called in that frame.
 * @param {() => void} then
 */
export function painted(then) {
  setTimeout(then, 0);
}

/**
 * Notes when what was just written was painted; only the first call of each name counts.
 * @param {'firstDigitsMs' | 'firstLineMs' | 'axesMs'} name
 * @param {() => void} [then]
 */
export function first(name, then) {
  if (noted.has(name)) return;
  noted.add(name);
  painted(() => {
    counters[name] = Math.round(performance.now());
    then?.();
  });
}
