import { loadPlotly } from './axes.js';
import { counters, first, painted } from './counters.js';
import { byId } from './dom.js';
import { Dvr } from './dvr.js';
import { Feed } from './feed.js';
import { fitFont } from './fit.js';
import { heldPicture } from './held.js';
import { media } from './media.js';
import { Pace } from './pace.js';
import { PORTIONS, Page } from './page.js';
import { Reserve } from './reserve.js';
import { ended, hasPower } from './state.js';

const EARLY_MS = 8; // half a picture of a 60 Hz screen: the browser's next one would be later by as much
const CALM_EVERY_MS = 500;
const LINE_MS = 1500; // so long the library waits for a first line
const GREETING_MS = 250; // so long the first picture waits for what it is to show
const WORDS_EVERY_MS = 500; // all of them, portion by portion: faster they cannot be read
const TIMED = 8; // every so many pictures one is timed
const calm = media('(prefers-reduced-motion: reduce)');

/** How often, on average, however the screen's own pictures fall; what is new is drawn at once. */
const pace = new Pace();
/** When the next picture is due. */
let dueMs = -Infinity;
/** When a portion of the words was last drawn, which one is next, and whether all of them are due at once. */
let wordsMs = -Infinity;
let portion = 0;
let wordsDue = true;
/** What the words are due at once for when it changes. */
let scene = '';
/** Whether the browser has been asked for a picture, and what will ask it. */
let asked = false;
let timer = 0;
/** The newest message in what is on the screen. */
let drawnSeq = NaN;
/** What is on the screen while the presenter holds it still. @type {import('./page.js').Picture | null} */
let held = null;
/** @type {any} */
let plotly = null;
const feed = new Feed(
  { greeted, heard, kept: (event) => page.control.reserve?.hears(event, performance.now()) ?? false },
  { prompt: true },
);
const page = new Page((event) => feed.dispatch(event));
/** Made after the first picture, which can do without it. @type {Dvr | null} */
let dvr = null;
/** @type {import('./types.js').Hello | null} */
let begun = null;

/** @param {import('./types.js').Hello} hello */
function greeted(hello) {
  if (!hello.resumed) begun = hello;
  if (hello.show?.frozen && !hello.resumed && !held) void join(hello.t_ns);
  if (dvr) ask(hello);
}

/** What the first picture can do without. @param {import('./types.js').Hello} hello */
function ask(hello) {
  page.control.ask();
  if (hello.resumed) return;
  feed.recall(hello);
  page.reasons.load();
}

/** @param {import('./state.js').Event} event */
function heard(event) {
  if (event.type === 'message') dvr?.hear(event.message, feed.state);
  // For a page that may control, and for no other.
  if (event.type === 'access' && event.control) page.control.reserve ??= new Reserve((own) => feed.dispatch(own), () => feed.stream.restart());
  if (changed() || event.type !== 'message' || event.message.type === 'hello') wordsDue = true;
  const { framesReceived, lastSeq, gaps, missed, frame } = feed.state;
  Object.assign(counters, { framesReceived, lastSeq, gaps, missed, stamp_t_ns: frame?.t_ns ?? NaN });
  wake();
}

/** Whether the race has begun or ended, or the presenter has set something. Turns come and go every few seconds. */
function changed() {
  const { run, frame, show } = feed.state;
  const before = scene;
  scene = JSON.stringify([run?.id, frame === null, frame?.state === 'idle', ended(feed.state), show]);
  return scene !== before;
}

/** Asks the browser for its next picture: each costs it something, drawn or not, so only for those that are wanted. */
function wake() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(tick);
}

/** @param {number} nowMs */
function tick(nowMs) {
  asked = false;
  const fresh = !Object.is(feed.state.lastSeq, drawnSeq) && !calm.matches;
  // By now, not by the picture's own time: that may lie before the timer's that asked for it, and it would be for nothing.
  if (fresh || performance.now() >= dueMs - EARLY_MS) {
    const everyMs = calm.matches ? CALM_EVERY_MS : pace.everyMs;
    dueMs = Math.max(dueMs + everyMs, nowMs); // what is late is made up for, a pause is not
    drawnSeq = feed.state.lastSeq;
    const begunMs = performance.now();
    draw(nowMs);
    if (counters.framesDrawn % TIMED === 1) painted(() => pace.took(performance.now() - begunMs));
  }
  clearTimeout(timer);
  timer = window.setTimeout(wake, dueMs - performance.now());
}

/** @param {number} nowMs */
function draw(nowMs) {
  const { state } = feed;
  const picture = newest(nowMs);
  const arranged = page.arrange(picture.state);
  if (arranged && plotly) page.useAxes(plotly);
  if (arranged || wordsDue || nowMs - wordsMs >= WORDS_EVERY_MS / PORTIONS) {
    drawWords(picture, arranged || wordsDue || calm.matches, nowMs);
    if (arranged) return; // the digits are painted before the charts are made
  }
  page.drawCharts(dvr?.look(picture, state, performance.now()) ?? picture);
  counters.framesDrawn += 1;
  if (page.charted()) first('firstLineMs', useAxes);
  if (plotly) first('axesMs');
}

/** @param {import('./page.js').Picture} picture @param {boolean} whole all words at once @param {number} nowMs */
function drawWords(picture, whole, nowMs) {
  const { state } = feed;
  wordsMs = nowMs;
  wordsDue = false;
  page.drawText(picture, state, performance.now(), whole ? undefined : portion);
  if (whole || portion === 0) page.sound(picture, state, performance.now());
  if (whole && state.frame && page.panels.length) first('firstDigitsMs', complete);
  portion = whole ? 0 : (portion + 1) % PORTIONS;
}

/** What is to be drawn: what is known now, or what was when the presenter said to hold it. @param {number} nowMs */
function newest(nowMs) {
  const { state, tracks } = feed;
  if (!state.show.frozen) held = null;
  // What is held is the race; what the presenter hides, or swaps, or shows the audience is done at once.
  if (held) return { ...held, state: { ...held.state, show: state.show } };
  const run_t_ns = feed.clock.now(performance.now());
  const picture = { state, tracks, run_t_ns, max: feed.top(run_t_ns, nowMs), nowMs: performance.now() };
  if (state.show.frozen && state.frame) held = { ...picture, tracks: tracks.copy() };
  return held ?? picture;
}

/** A page that is opened while the hall's picture is held shows that one. @param {number} t_ns the server's clock */
async function join(t_ns) {
  const found = await heldPicture(t_ns);
  if (found && feed.state.show.frozen) held = found;
}

function complete() {
  page.complete();
  dvr = new Dvr(byId('dvr'), () => page.panels.map(({ chart }) => chart));
  // Where no line is to come soon, there is nothing to wait for.
  window.setTimeout(useAxes, feed.state.frame?.state === 'racing' && hasPower(feed.state) ? LINE_MS : 0);
  if (!begun) return;
  dvr.hear(begun, feed.state);
  ask(begun);
}

/** The library is large: where a line is to come, it waits until that is on the screen. */
async function useAxes() {
  plotly = await loadPlotly();
  feed.stream.acknowledges = true;
  if (!plotly) return;
  page.useAxes(plotly);
  dueMs = -Infinity;
  wake();
}

Object.assign(window, { wattrace: counters });
fitFont();
feed.start();
window.setTimeout(wake, GREETING_MS);
