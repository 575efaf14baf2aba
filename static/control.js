import { Actions, busy, replaying } from './actions.js';
import { ask, post, takeControl } from './desk.js';
import { element, say, setAttribute, setText, show } from './dom.js';
import { Keys } from './keys.js';
import { initial } from './state.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Event} Event */
/** @typedef {import('./desk.js').Answer} Answer */

const NOTICE_MS = 8000;
const SPEEDS = [1, 2, 10];
const KEYS = ['toggle', 'next', 'back', 'swap', 'freeze', 'verdict', 'fallback'];

/** Start, stop, a replay's speed and the keys, for a browser that may. The server decides; these buttons only ask. */
export class Control {
  /** @param {HTMLElement} root @param {(event: Event) => void} dispatch */
  constructor(root, dispatch) {
    this.root = root;
    this.dispatch = dispatch;
    this.state = initial();
    /** The recording that a presenter's page keeps. @type {import('./reserve.js').Reserve | null} */
    this.reserve = null;
    this.actions = new Actions(() => this.state, (answer) => this.told(answer));
    this.keys = new Keys();
    for (const name of KEYS) {
      this.keys.bind(name, () => this.act(name), () => this.state.control && (name !== 'back' || replaying(this.state)));
    }
    this.keys.bind('take', () => this.takeOver(), () => this.state.control && this.refused);
    this.keys.looks = () => !this.state.control;
    this.toggle = button('Start', () => this.actions.act('toggle'));
    this.take = button('Take over', () => this.takeOver());
    /** Whether the last action came to nothing because another console has control. */
    this.refused = false;
    this.forgetting = 0;
    this.asks = element('p', 'notice');
    this.asks.setAttribute('role', 'alert');
    this.console = element('a', 'button', 'Console');
    this.console.href = 'present';
    this.speeds = SPEEDS.map((speed) => button(`${speed}×`, () => this.setSpeed(speed)));
    this.speed = element('div', 'speeds', ...this.speeds);
    this.speed.setAttribute('role', 'group');
    this.speed.setAttribute('aria-label', 'Speed of the replay');
    show(this.take, false);
    root.append(this.asks, this.speed, this.take, this.toggle, this.console);
  }

  /** Asks whether this browser may start and stop. */
  async ask() {
    const { ok, status, answer } = await ask('GET', 'api/run');
    // Without an answer nothing is offered; the stream says what is wrong with the connection.
    if (status) this.dispatch({ type: 'access', control: ok && answer?.control === true });
  }

  /** @param {string} name of a key */
  async act(name) {
    if (name !== 'fallback') return void this.actions.act(name);
    if (this.reserve?.pressed(this.state, performance.now())) return;
    const answer = await this.actions.act(name);
    // The network was silent before this page could know.
    if (answer?.status === 0) void this.reserve?.play(this.state.show);
  }

  /** @param {number} speed */
  async setSpeed(speed) {
    const answer = await post('api/replay', { speed });
    this.told(answer);
    if (answer.ok) this.dispatch({ type: 'speed', speed });
  }

  /** Takes control from whoever has it. */
  async takeOver() {
    this.told(await takeControl(true));
  }

  /** What an action came to; the hall need not read it for long. @param {Pick<Answer, 'error' | 'holder'>} answer */
  told({ error, holder }) {
    this.refused = holder !== null;
    show(this.take, this.refused);
    clearTimeout(this.forgetting);
    const text = this.refused ? `${error} (T)` : error;
    this.dispatch({ type: 'notice', text });
    this.forgetting = window.setTimeout(() => {
      if (text && this.state.notice === text) this.told({ error: '', holder: null });
    }, NOTICE_MS);
  }

  /** @param {State} state */
  draw(state) {
    this.state = state;
    this.reserve?.keep(state, performance.now());
    const running = busy(state);
    const question = this.actions.question('toggle', performance.now());
    const back = this.actions.question('fallback', performance.now());
    say(this.asks, back && `${back} R again`);
    show(this.root, state.control);
    setText(this.toggle, question || (running ? 'Stop' : 'Start'));
    show(this.speed, replaying(state) && running && state.connection === 'open');
    this.speeds.forEach((node, index) => setAttribute(node, 'aria-pressed', String(SPEEDS[index] === state.speed)));
  }
}

/** @param {string} text @param {() => void} act */
function button(text, act) {
  const node = element('button', '', text);
  node.type = 'button';
  node.addEventListener('click', act);
  return node;
}
