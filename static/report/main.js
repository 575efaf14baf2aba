import { byId, setAttribute, setStyle, setText, show } from '../dom.js';
import { fitFont } from '../fit.js';
import { Reasons } from '../reasons.js';
import { initial, reduce } from '../state.js';
import { Player, clockText } from './player.js';
import { Stage } from './stage.js';
import { Tape, unpack } from './tape.js';

const CHART_EVERY_MS = 30; // a little under two frames of a 60 Hz screen
const TEXT_EVERY_MS = 125; // digits that change faster cannot be read
const STEP_NS = 5e9;

/** Text of a data block. @param {string} id */
function block(id) {
  return byId(id).textContent ?? '';
}

/** Puts the recorded race on the first screen. @param {import('./tape.js').Content} content */
function perform(content) {
  const tape = new Tape(content);
  const player = new Player(content.begin, content.end);
  const hello = /** @type {any} */ ({ type: 'hello', seq: 0, run: content.run, frame: content.frames[0] });
  const state = { ...reduce(initial(), { type: 'message', message: hello, nowMs: 0 }), connection: /** @type {'open'} */ ('open') };
  const reasons = new Reasons();
  reasons.known = JSON.parse(block('reasons'));
  const stage = new Stage(state, reasons, byId('paper').dataset.cut ?? '');
  const seek = /** @type {HTMLInputElement} */ (byId('seek'));
  let drawnMs = -Infinity;

  /** @param {number} nowMs */
  const draw = (nowMs) => {
    requestAnimationFrame(draw);
    player.tick(nowMs);
    if (nowMs - drawnMs < (player.playing ? CHART_EVERY_MS : TEXT_EVERY_MS)) return;
    const text = drawnMs === -Infinity || Math.floor(nowMs / TEXT_EVERY_MS) !== Math.floor(drawnMs / TEXT_EVERY_MS);
    drawnMs = nowMs;
    tape.play(player.t_ns);
    const now = { ...state, frame: tape.frame(player.t_ns), frameAtMs: nowMs };
    stage.drawCharts(now, tape, player.t_ns);
    if (text) {
      stage.drawText(now, nowMs, player.t_ns);
      setText(byId('time'), `${clockText(player.t_ns, content.begin)} / ${clockText(content.end, content.begin)}`);
      setText(byId('play-word'), player.playing ? 'Pause' : 'Play');
      setAttribute(byId('play'), 'data-playing', String(player.playing));
    }
    setStyle(byId('head'), 'left', `${(100 * (player.t_ns - content.begin)) / Math.max(1, content.end - content.begin)}%`);
    if (document.activeElement !== seek || player.playing) seek.value = String(player.t_ns / 1e6);
  };

  const changed = () => { drawnMs = -Infinity; };
  const speeds = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('[data-speed]')]);
  /** @param {number} speed */
  const setSpeed = (speed) => {
    player.speed = speed;
    for (const button of speeds) button.setAttribute('aria-pressed', String(Number(button.dataset.speed) === speed));
  };
  const toggle = () => { player.toggle(); changed(); };
  for (const button of speeds) button.addEventListener('click', () => setSpeed(Number(button.dataset.speed)));
  byId('play').addEventListener('click', toggle);
  seek.addEventListener('input', () => { player.seek(Number(seek.value) * 1e6); changed(); });
  addEventListener('keydown', (event) => {
    const taken = event.target instanceof Element && event.target.closest('button, input, summary, .table');
    if (taken || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === ' ') toggle();
    else if (event.key === 'ArrowLeft') player.seek(player.t_ns - STEP_NS);
    else if (event.key === 'ArrowRight') player.seek(player.t_ns + STEP_NS);
    else return;
    changed();
    event.preventDefault();
  });
  setSpeed(1);
  show(byId('player'), true);
  if (location.hash === '#play') toggle();
  requestAnimationFrame(draw);
}

// On paper nothing can be unfolded.
addEventListener('beforeprint', () => {
  for (const folded of document.querySelectorAll('details')) folded.open = true;
});
fitFont();
unpack(block('tape')).then(perform);
