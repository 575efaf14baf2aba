import { Actions, busy, replaying, request } from './actions.js';
import { badges, drawBadges } from './badge.js';
import { RunClock } from './clock.js';
import { ask, consoleName, post, rename, takeControl } from './desk.js';
import { byId, say, setAttribute, setText, show } from './dom.js';
import { Keys } from './keys.js';
import { Audience } from './presentaudience.js';
import { CheckList } from './presentcheck.js';
import { Figures } from './presentfigures.js';
import { ReplayCard } from './presentreplay.js';
import { Script } from './presentscript.js';
import { holder, initial, reduce, troubleText, wayText, whoText } from './presentstate.js';
import { screenTiles, Tiles } from './presenttiles.js';
import { phaseDetail, phaseName, remaining } from './schedule.js';
import { ended } from './state.js';
import { Stream } from './stream.js';

/** @typedef {import('./presentstate.js').Event} Event */
/** @typedef {import('./desk.js').Answer} Answer */

const DRAWN_EVERY_MS = 200;
const CHECK_SECONDS = 120;
const ASKED_EVERY_MS = 3000;
const WAYS_EVERY_MS = 6000;
const TOLD_MS = 1000;
const NOTICE_MS = 12_000; // long enough to read it, and to act on it
const SCREEN = ['swap', 'freeze', 'verdict', 'fallback', 'toggle', 'next', 'back'];

let state = initial();
let drawing = 0;
let presenter = '';
let boxUntilMs = -Infinity;
let forgetting = 0;
const clock = new RunClock();
const actions = new Actions(() => state.stream, told);
const keys = new Keys();
const tiles = new Tiles(byId('tiles'), (name) => actions.act(name), (name) => actions.question(name, performance.now()));
const figures = new Figures(byId('figures'), byId('verdict'));
const audience = new Audience(
  { tiles: byId('audience'), ways: byId('ways'), guesses: /** @type {HTMLDetailsElement} */ (byId('guesses')) },
  async (path, body) => { told(await post(path, body)); lookAtGuesses(); },
);
const replay = new ReplayCard(byId('replay'), async (wishes) => told(await post('api/replay', wishes)));
const script = new Script({
  steps: byId('steps'), notes: byId('notes'), programme: byId('programme'), learn: byId('demo-learn'),
  demo: /** @type {HTMLSelectElement} */ (byId('demo')),
}, async (demo) => { told(await post('api/show/demo', { demo })); look(); });
const checks = new CheckList({
  said: byId('check-said'), button: button('check'), list: byId('findings'), fine: byId('fine'),
}, check);
const stream = new Stream({
  message: (message) => hear({ type: 'message', message, nowMs: performance.now() }),
  open: () => hear({ type: 'opened' }),
  closed: (delayMs, reason) => hear({ type: 'closed', again: delayMs !== null, reason }),
}, { prompt: true });

/** @param {string} id */
function button(id) {
  return /** @type {HTMLButtonElement} */ (byId(id));
}

/** @param {Event} event */
function dispatch(event) {
  state = reduce(state, event);
  if (event.type !== 'stream') draw();
}

/** @param {import('./state.js').Event} event */
function hear(event) {
  dispatch({ type: 'stream', event });
  if (event.type !== 'message' || event.message.type === 'missed') return;
  const frame = event.message.type === 'frame' ? event.message : event.message.frame;
  if (frame) clock.observe(event.nowMs, frame.t_ns, frame.run_t_ns);
  // Who has control has changed: whether that is this console only the server knows.
  const name = state.stream.show.presenter?.name ?? '';
  if (name !== presenter) look();
  presenter = name;
}

/** What an action came to. @param {Answer} answer */
function told({ error, status, holder: other }) {
  clearTimeout(forgetting);
  dispatch(status === 401 ? { type: 'shut' } : { type: 'notice', text: error, taken: other !== null });
  if (error) forgetting = window.setTimeout(() => dispatch({ type: 'notice', text: '' }), NOTICE_MS);
  look();
}

/** Takes control from whoever has it. */
async function takeOver() {
  told(await takeControl(true));
}

/** Asks for what only the presenter hears. */
async function look() {
  const { ok, status, answer } = await ask('GET', 'api/show');
  if (ok) dispatch({ type: 'desk', desk: answer });
  else if (status === 401) dispatch({ type: 'shut' });
  return ok ? answer : null;
}

/** A console that opens while nobody acts has control from the start; one that comes second has to ask for it. */
async function begin() {
  const answer = await look();
  if (answer && !answer.show.presenter) told(await takeControl(false));
}

async function check() {
  const demo = state.desk?.demo ?? '';
  dispatch({ type: 'check', check: { state: 'running', findings: [], demo } });
  const { ok, answer, error } = await ask('GET', `api/preflight?demo=${encodeURIComponent(demo)}`, { seconds: CHECK_SECONDS });
  dispatch({ type: 'check', check: ok ? { state: 'done', ok: answer.ok, findings: answer.findings } : { state: 'failed', error } });
}

async function lookAtGuesses() {
  if (!state.stream.show.bet || !/** @type {HTMLDetailsElement} */ (byId('guesses')).open) return;
  const { ok, answer } = await ask('GET', 'api/show/bet');
  if (ok) dispatch({ type: 'guesses', guesses: answer.guesses ?? [] });
}

async function lookForWays() {
  const { ok, answer } = await ask('GET', 'api/show/addresses');
  if (ok) dispatch({ type: 'ways', ways: answer.addresses ?? [] });
}

function draw() {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(drawNow);
}

function drawNow() {
  const nowMs = performance.now();
  const { stream: now } = state;
  const { frame, run, demo, show: screen } = now;
  const title = state.desk?.demos.find(({ name }) => name === state.desk?.demo)?.title;
  setText(byId('title'), run && (busy(now) || !title) ? run.title : title ?? demo?.title ?? 'wattrace');
  setText(byId('phase'), phaseName(frame) || 'Connecting');
  setText(byId('left'), ended(now) ? '' : remaining(frame?.schedule, clock.now(nowMs)));
  setText(byId('turn'), phaseDetail(frame, run?.schedule ?? demo?.schedule));
  drawBadges(byId('badges'), badges(now, nowMs));
  drawLock();
  figures.draw(now);
  replay.draw(now, clock.now(nowMs));
  tiles.draw(screenTiles(now));
  drawAutomatic(screen.fallback);
  audience.draw(state);
  script.draw(state);
  show(byId('preflight'), Boolean(state.desk?.demos.length));
  checks.draw(state.check, busy(now));
  setText(byId('who'), whoText(state));
  say(byId('trouble'), [troubleText(now), wayText(state)].filter(Boolean).join(' '));
  say(byId('notice'), state.shut ? 'This browser is logged out: open a new link from the terminal.' : state.notice);
  drawDock(nowMs);
}

function drawLock() {
  const { text, action, mine } = holder(state);
  setText(byId('holder'), text);
  setText(byId('take'), action);
  setAttribute(document.body, 'data-mine', String(mine));
}

/** @param {number} nowMs */
function drawDock(nowMs) {
  const { stream: now } = state;
  show(byId('take-now'), state.taken);
  const running = busy(now);
  setText(byId('toggle'), actions.question('toggle', nowMs) || (running ? 'Stop' : 'Start'));
  setAttribute(byId('toggle'), 'data-running', String(running));
  button('next').disabled = request('next', now) === null;
  setText(byId('next'), replaying(now) ? 'Next turn' : frameWaits(now) ? 'Skip the wait' : 'Next turn');
  const { fallback } = now.show;
  button('panic').disabled = !fallback || (!fallback.on && !fallback.available);
  const panic = actions.waiting === 'fallback' ? 'One moment …' : fallback?.on ? 'Back to live' : 'Panic: recording';
  setText(byId('panic'), actions.question('fallback', nowMs) || panic);
}

/** Whether what runs now is a wait that can be skipped. @param {import('./state.js').State} now */
function frameWaits(now) {
  return ['warming', 'baseline', 'cooling'].includes(now.frame?.state ?? '');
}

/** @param {import('./types.js').Fallback | null} fallback */
function drawAutomatic(fallback) {
  const label = byId('automatic');
  show(label, fallback !== null);
  const box = /** @type {HTMLInputElement} */ (label.children[0]);
  // As it was set by hand, until the stream can have told how the server has taken it.
  if (fallback && performance.now() > boxUntilMs && box.checked !== fallback.automatic) box.checked = fallback.automatic;
}

function bind() {
  for (const name of SCREEN) keys.bind(name, () => actions.act(name), () => !state.shut);
  keys.bind('back', () => actions.act('back'), () => replaying(state.stream));
  byId('toggle').addEventListener('click', () => actions.act('toggle'));
  byId('next').addEventListener('click', () => actions.act('next'));
  byId('panic').addEventListener('click', () => actions.act('fallback'));
  byId('help').addEventListener('click', () => keys.help());
  byId('take-now').addEventListener('click', takeOver);
  keys.bind('take', takeOver, () => !state.shut && !holder(state).mine);
  byId('take').addEventListener('click', async () => {
    const { mine } = holder(state);
    told(mine ? await post('api/show/unlock') : await takeControl(state.stream.show.presenter !== null));
  });
  byId('automatic').addEventListener('change', async (event) => {
    const automatic = /** @type {HTMLInputElement} */ (event.target).checked;
    boxUntilMs = Infinity;
    told(await post('api/show/fallback', { automatic }));
    boxUntilMs = performance.now() + TOLD_MS;
  });
  byId('guesses').addEventListener('toggle', lookAtGuesses);
  const name = /** @type {HTMLInputElement} */ (byId('name'));
  name.value = consoleName();
  name.addEventListener('change', async () => {
    name.blur();
    rename(name.value);
    if (holder(state).mine) told(await takeControl(false));
  });
}

bind();
stream.acknowledges = true;
stream.start();
begin();
lookForWays();
window.setInterval(draw, DRAWN_EVERY_MS);
window.setInterval(() => { if (!document.hidden) { look(); lookAtGuesses(); } }, ASKED_EVERY_MS);
// Networks come and go: a laptop that was opened in the hotel joins the hall's.
window.setInterval(() => { if (!document.hidden) lookForWays(); }, WAYS_EVERY_MS);
