/** What tests and benches read from the page, as `window.wattrace`; the page itself never does. */
export const counters = {
  framesReceived: 0,
  framesDrawn: 0,
  lastSeq: NaN,
  gaps: 0,
  missed: 0,
  /** @type {number | null} from navigation to the first painted figures */
  firstDigitsMs: null,
  /** @type {number | null} from navigation to the painted axes */
  axesMs: null,
};

/** Notes when the browser has painted what was just written. @param {'firstDigitsMs' | 'axesMs'} name */
export function painted(name) {
  if (counters[name] !== null) return;
  counters[name] = performance.now();
  requestAnimationFrame(() => setTimeout(() => { counters[name] = performance.now(); }, 0));
}
