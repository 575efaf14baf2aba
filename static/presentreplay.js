import { element, setAttribute, setText, show } from './dom.js';
import { clockText } from './dvrview.js';
import { button, face } from './face.js';

/** @typedef {import('./state.js').State} State */

const SPEEDS = [0.5, 1, 2, 10, 20];
const JUMP_MS = 1000; // as long as a jump takes: the handle waits where it was let go

/** The recording on the screens, as the presenter plays it: where it is, turn by turn, how fast, and again from the start. */
export class ReplayCard {
  /** @param {HTMLElement} root @param {(wishes: object) => void} ask what `/api/replay` is to do */
  constructor(root, ask) {
    this.root = root;
    this.state = /** @type {State | null} */ (null);
    this.time = element('p', 'replay-time');
    this.slider = element('input', 'replay-seek');
    Object.assign(this.slider, { type: 'range', min: '0', step: '1' });
    this.slider.setAttribute('aria-label', 'Where the recording is, in seconds');
    this.handUntilMs = -Infinity;
    this.slider.addEventListener('input', () => { this.handUntilMs = Infinity; this.drawTime(Number(this.slider.value)); });
    this.slider.addEventListener('change', () => {
      this.handUntilMs = performance.now() + JUMP_MS;
      ask({ seek_ns: Math.round(Number(this.slider.value) * 1e9) });
    });
    this.hold = button('', '', () => ask({ paused: !this.replay()?.paused }));
    this.loop = button('', 'loop', () => ask({ loop: !this.replay()?.loop }), 'Begin again at the end');
    this.speeds = SPEEDS.map((speed) => button('', `${speed}×`, () => ask({ speed }), `${speed}× the recorded speed`));
    const speeds = element('div', 'replay-row', ...this.speeds);
    speeds.setAttribute('role', 'group');
    speeds.setAttribute('aria-label', 'Speed of the recording');
    root.append(this.time, this.slider, element('div', 'replay-row',
      button('', 'previous', () => ask({ step: 'previous' }), 'A turn back'), this.hold,
      button('', 'next', () => ask({ step: 'next' }), 'To the next turn'), this.loop), speeds);
  }

  replay() {
    return this.state?.run?.replay ?? null;
  }

  /** @param {State} state @param {number} run_t_ns */
  draw(state, run_t_ns) {
    this.state = state;
    const replay = this.replay();
    show(this.root, replay !== null);
    if (!replay) return;
    const paused = replay.paused === true;
    face(this.hold, paused ? 'play' : 'pause', paused ? 'Go on' : 'Hold the recording');
    setAttribute(this.loop, 'aria-pressed', String(replay.loop === true));
    this.speeds.forEach((node, index) => setAttribute(node, 'aria-pressed', String(SPEEDS[index] === (replay.speed ?? 1))));
    if (performance.now() < this.handUntilMs) return;
    const seconds = Math.max(0, run_t_ns || 0) / 1e9;
    this.slider.max = String(Math.max(1, Math.round(this.duration() ?? seconds)));
    this.slider.value = String(Math.round(seconds));
    this.drawTime(seconds);
  }

  duration() {
    const ns = this.replay()?.duration_ns;
    return ns === undefined ? undefined : ns / 1e9;
  }

  /** @param {number} seconds */
  drawTime(seconds) {
    const whole = this.duration();
    const text = whole === undefined ? clockText(seconds * 1e9) : `${clockText(Math.min(seconds, whole) * 1e9)} of ${clockText(whole * 1e9)}`;
    setText(this.time, text);
    setAttribute(this.slider, 'aria-valuetext', text);
  }
}
