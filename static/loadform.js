import { element, say, setAttribute, setText, show } from './dom.js';
import { count } from './format.js';
import { ask } from './phone.js';

/** @typedef {import('./types.js').Load} Load */
/** @typedef {import('./types.js').MyQuestion} MyQuestion */

const POLL_MS = 1500;
const PENDING = ['waiting', 'asked', 'answering'];

/** A question of this phone's for the arm that runs: one of those offered, and what became of it. */
export class LoadForm {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.list = element('ul', 'load-prompts');
    this.hint = element('p', 'load-hint');
    this.error = element('p', 'form-error');
    this.error.setAttribute('role', 'alert');
    this.asked = element('p', 'load-asked');
    this.state = element('p', 'load-state');
    this.state.setAttribute('role', 'status');
    this.answer = element('p', 'load-answer');
    this.mineBox = element('div', 'load-mine', this.asked, this.state, this.answer);
    this.count = element('p', 'load-count');
    root.append(element('h2', 'card-title', 'Ask the model'), this.hint, this.mineBox, this.list, this.error, this.count);
    /** @type {MyQuestion | null} */
    this.mine = null;
    this.againMs = 0;
    this.prompts = '';
    this.wasOpen = false;
    this.timer = 0;
    this.busy = false;
  }

  /** @param {Load | null} load @param {number} nowMs */
  draw(load, nowMs) {
    show(this.root, load !== null && (load.open || this.mine !== null));
    if (!load) {
      this.mine = null;
      this.wasOpen = false;
      return;
    }
    if (load.open && !this.wasOpen) this.poll();
    this.wasOpen = load.open;
    this.drawPrompts(load);
    const wait = Math.ceil((this.againMs - nowMs) / 1000);
    const pending = this.mine !== null && PENDING.includes(this.mine.state);
    const free = load.open && !pending && wait <= 0 && !this.busy;
    for (const button of this.list.querySelectorAll('button')) button.disabled = !free;
    // While its question is on the way there is nothing to choose, and the answer has the room.
    show(this.list, load.open && (free || this.mine === null));
    setText(this.hint, !load.open ? 'The presenter takes no more questions.'
      : pending ? 'Your question is on its way: it shares the GPU with everybody else’s.'
        : wait > 0 ? `Another one in ${wait} s.` : 'Choose a question; the arm that runs answers it.');
    this.drawMine();
    const most = load.most ? `, up to ${count(load.most)} at once` : '';
    setText(this.count, `The hall: ${count(load.sent)} sent${most}`);
  }

  /** @param {Load} load */
  drawPrompts(load) {
    const key = JSON.stringify(load.prompts);
    if (key === this.prompts) return;
    this.prompts = key;
    this.list.replaceChildren(...load.prompts.map((prompt, index) => {
      const button = element('button', 'load-prompt', prompt);
      button.type = 'button';
      button.addEventListener('click', () => this.send(index));
      return element('li', '', button);
    }));
  }

  drawMine() {
    show(this.mineBox, this.mine !== null);
    if (!this.mine) return;
    setAttribute(this.mineBox, 'data-state', this.mine.state);
    setText(this.asked, this.mine.prompt);
    setText(this.state, stateText(this.mine));
    say(this.answer, this.mine.text);
  }

  /** @param {number} index */
  async send(index) {
    if (this.busy) return;
    this.busy = true;
    const reply = await ask('api/load', { prompt: index });
    this.busy = false;
    setText(this.error, reply.error);
    if (reply.ok) this.take(reply.body.mine);
  }

  async poll() {
    const reply = await ask('api/load');
    if (reply.ok) this.take(reply.body.mine ?? null);
    else if (this.mine && PENDING.includes(this.mine.state)) this.later();
  }

  /** @param {MyQuestion | null} mine */
  take(mine) {
    this.mine = mine;
    this.againMs = performance.now() + (mine?.again_seconds ?? 0) * 1000;
    if (mine && PENDING.includes(mine.state)) this.later();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.poll(), POLL_MS * (0.8 + 0.4 * Math.random()));
  }
}

/** What became of a question, in words. @param {MyQuestion} mine */
export function stateText({ state, arm, ahead }) {
  switch (state) {
    case 'waiting':
      return ahead ? `waits for a turn, ${ahead} before it` : 'waits for a turn';
    case 'asked':
      return ahead ? `${arm} has it, ${ahead} before it` : `${arm} has it`;
    case 'answering':
      return `${arm} is answering`;
    case 'answered':
      return `answered by ${arm}`;
    default:
      return 'this one got lost; ask again';
  }
}
