import { loadPlotly } from './axes.js';
import { RunClock } from './clock.js';
import { counters, painted } from './counters.js';
import { byId } from './dom.js';
import { fitFont } from './fit.js';
import { Page } from './page.js';
import { recall } from './recall.js';
import { SharedScale } from './scale.js';
import { arms, initial, reduce } from './state.js';
import { Stream } from './stream.js';
import { WINDOW_NS } from './track.js';
import { Tracks } from './tracks.js';

/** @typedef {import('./state.js').Event} Event */

const CHART_EVERY_MS = 20; // every second frame of a 60 Hz screen, and none is left out when one is late
const CALM_EVERY_MS = 500;
const JUMP_NS = 5e8;
const TEXT_EVERY_MS = 125; // digits that change faster cannot be read
const calm = matchMedia('(prefers-reduced-motion: reduce)');

let state = initial();
let tracks = new Tracks([], undefined);
let scale = new SharedScale();
let chartMs = -Infinity;
let textMs = -Infinity;
/** What is on the screen while the presenter holds it still. @type {import('./page.js').Picture | null} */
let held = null;
/** @type {any} */
let plotly = null;
const clock = new RunClock();
const page = new Page(dispatch);
/** @type {import('./dvr.js').Dvr | null} */
let dvr = null;
/** @type {import('./types.js').Hello | null} */
let begun = null;
const stream = new Stream({
  message: (message) => heard({ type: 'message', message, nowMs: performance.now() }),
  open: () => heard({ type: 'opened' }),
  closed: (delayMs, reason) => heard({ type: 'closed', again: delayMs !== null, reason }),
});

/** What comes from the server: nothing of it is shown while this page plays the recording that it has kept. @param {Event} event */
function heard(event) {
  if (!page.control.reserve?.hears(event, performance.now())) dispatch(event);
}

/** For a page that may control, and for no other. */
async function keepReserve() {
  const { Reserve } = await import('./reserve.js');
  page.control.reserve ??= new Reserve(dispatch, () => stream.restart());
}

/** @param {Event} event */
function dispatch(event) {
  const before = state;
  state = reduce(state, event);
  if (event.type === 'message') {
    follow(before.run?.id, event);
    if (event.message.type === 'hello' && !event.message.resumed) begun = event.message;
    dvr?.hear(event.message, state);
  }
  if (event.type === 'access' && event.control) void keepReserve();
  if (event.type !== 'message' || event.message.type === 'hello') textMs = -Infinity;
  Object.assign(counters, {
    framesReceived: state.framesReceived, lastSeq: state.lastSeq, gaps: state.gaps, missed: state.missed,
    stamp_t_ns: state.frame?.t_ns ?? NaN,
  });
}

/** Brings the tracks and the clock up to a message. @param {string | undefined} runBefore @param {Event & {type: 'message'}} event */
function follow(runBefore, { message, nowMs }) {
  if (message.type === 'hello' && message.resumed) {
    page.control.ask();
  } else if (message.type === 'hello') {
    const labels = arms(state).map(({ label }) => label);
    const back = (message.frame?.run_t_ns ?? NaN) < clock.newest_t_ns - JUMP_NS; // a replay has gone back
    if (message.run?.id !== runBefore || back || tracks.labels.join() !== labels.join()) {
      tracks = new Tracks(labels, message.run?.schedule?.mode);
      scale = new SharedScale();
      clock.reset();
    }
    tracks.replace(message);
    if (message.frame) observe(message.frame, nowMs);
    recall(message.frame, tracks);
    if (message.show?.frozen && !held) void join(message.t_ns);
    page.control.ask();
    page.reasons.load();
  } else if (message.type === 'frame' && (message.run ?? undefined) === state.run?.id) {
    observe(message, nowMs);
  }
}

/** @param {import('./types.js').Frame} frame @param {number} nowMs */
function observe(frame, nowMs) {
  clock.observe(nowMs, frame.t_ns, frame.run_t_ns);
  tracks.push(frame);
}

/** @param {number} nowMs */
function tick(nowMs) {
  requestAnimationFrame(tick);
  if (nowMs - chartMs < (calm.matches ? CALM_EVERY_MS : CHART_EVERY_MS)) return;
  chartMs = nowMs;
  const picture = newest(nowMs);
  const arranged = page.arrange(picture.state);
  if (arranged && plotly) page.useAxes(plotly);
  if (arranged || nowMs - textMs >= TEXT_EVERY_MS) {
    textMs = nowMs;
    page.drawText(picture, state, performance.now());
    page.sound(picture, state, performance.now());
    if (state.frame && page.panels.length) painted('firstDigitsMs', useAxes);
  }
  page.drawCharts(dvr?.look(picture, state, performance.now()) ?? picture);
  counters.framesDrawn += 1;
  if (page.charted()) painted('firstLineMs');
}

/** What is to be drawn: what is known now, or what was when the presenter said to hold it. @param {number} nowMs */
function newest(nowMs) {
  if (!state.show.frozen) held = null;
  // What is held is the race; what the presenter hides, or swaps, or shows the audience is done at once.
  if (held) return { ...held, state: { ...held.state, show: state.show } };
  const run_t_ns = clock.now(performance.now());
  scale.follow(tracks.peak(run_t_ns - WINDOW_NS), nowMs);
  const picture = { state, tracks, run_t_ns, max: scale.max, nowMs: performance.now() };
  if (state.show.frozen && state.frame) held = { ...picture, tracks: tracks.copy() };
  return held ?? picture;
}

/** A page that is opened while the hall's picture is held shows that one. @param {number} t_ns the server's clock */
async function join(t_ns) {
  const { heldPicture } = await import('./held.js');
  const found = await heldPicture(t_ns);
  if (found && state.show.frozen) held = found;
}

async function complete() {
  const later = await import('./later.js');
  page.complete(later);
  dvr = new later.Dvr(byId('dvr'), () => page.panels.map(({ chart }) => chart));
  if (begun) dvr.hear(begun, state);
}

/** The library is large: it is run when the first digits are on the screen. */
async function useAxes() {
  complete();
  plotly = await loadPlotly();
  stream.acknowledges = true;
  if (!plotly) return;
  page.useAxes(plotly);
  chartMs = -Infinity;
  requestAnimationFrame(() => painted('axesMs'));
}

Object.assign(window, { wattrace: counters });
fitFont();
stream.start();
requestAnimationFrame(tick);
