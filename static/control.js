import { element, setAttribute, show } from './dom.js';
import { ended } from './state.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Event} Event */

const SPEEDS = [1, 2, 10];

/** Start, stop and a replay's speed, for a browser that may. The server decides; these buttons only ask. */
export class Control {
  /** @param {HTMLElement} root @param {(event: Event) => void} dispatch */
  constructor(root, dispatch) {
    this.root = root;
    this.dispatch = dispatch;
    this.start = button('Start', () => this.post('/api/run/start'));
    this.stop = button('Stop', () => this.post('/api/run/stop'));
    this.speeds = SPEEDS.map((speed) => button(`${speed}×`, () => this.setSpeed(speed)));
    this.speed = element('div', 'speeds', ...this.speeds);
    this.speed.setAttribute('role', 'group');
    this.speed.setAttribute('aria-label', 'Speed of the replay');
    root.append(this.speed, this.start, this.stop);
  }

  /** Asks whether this browser may start and stop. */
  async ask() {
    try {
      const response = await fetch('/api/run', { credentials: 'same-origin', cache: 'no-store' });
      const answer = response.ok ? await response.json() : {};
      this.dispatch({ type: 'access', control: answer.control === true });
    } catch {
      // Without an answer nothing is offered; the stream says what is wrong with the connection.
    }
  }

  /** @param {number} speed */
  async setSpeed(speed) {
    if (await this.post('/api/replay', { speed })) this.dispatch({ type: 'speed', speed });
  }

  /** @param {string} path @param {object} [body] */
  async post(path, body = {}) {
    try {
      const response = await fetch(path, {
        method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      const answer = response.ok ? null : await response.json().catch(() => null);
      this.dispatch({ type: 'notice', text: response.ok ? '' : String(answer?.error ?? `the server said ${response.status}`) });
      return response.ok;
    } catch {
      this.dispatch({ type: 'notice', text: 'the server cannot be reached' });
      return false;
    }
  }

  /** @param {State} state */
  draw(state) {
    const now = state.frame?.state ?? 'idle';
    const busy = now !== 'idle' && !ended(state);
    const replay = Boolean(state.run?.replay);
    show(this.root, state.control);
    show(this.start, !busy);
    show(this.stop, busy);
    show(this.speed, replay && busy);
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
