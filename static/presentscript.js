import { busy } from './actions.js';
import { element, setText, show } from './dom.js';

/** @typedef {import('./presentstate.js').Present} Present */

/** What the speaker wants to say, what comes next, and which demo that is. */
export class Script {
  /**
   * @param {{steps: HTMLElement, notes: HTMLElement, programme: HTMLElement, demo: HTMLSelectElement, learn: HTMLElement}} parts
   * @param {(demo: string) => void} pick
   */
  constructor(parts, pick) {
    this.parts = parts;
    this.shown = '';
    this.listed = '';
    parts.demo.addEventListener('change', () => pick(parts.demo.value));
  }

  /** @param {Present} state */
  draw({ desk, stream }) {
    const { steps, notes, programme, demo, learn } = this.parts;
    const script = JSON.stringify([desk?.demo, desk?.steps, desk?.notes]);
    if (script !== this.shown) {
      this.shown = script;
      steps.replaceChildren(...(desk?.steps ?? []).map((step) => this.step(step)));
      const paragraphs = (desk?.notes ?? '').split('\n').map((text) => text.trim()).filter(Boolean);
      const none = desk && !paragraphs.length && !desk.steps.length ? ['This demo’s file has no notes and no steps.'] : [];
      notes.replaceChildren(...[...paragraphs, ...none].map((text) => element('p', '', text)));
    }
    show(programme, Boolean(desk?.demos.length));
    this.list(desk?.demos ?? []);
    if (document.activeElement !== demo && desk?.demo && demo.value !== desk.demo) demo.value = desk.demo;
    demo.disabled = busy(stream);
    setText(learn, demo.disabled ? 'Another one can be chosen when this race is over.' : desk?.demos.find(({ name }) => name === demo.value)?.learn ?? '');
  }

  /** One thing to do, which can be ticked off. @param {string} text */
  step(text) {
    const box = element('input');
    box.type = 'checkbox';
    return element('li', '', element('label', 'tick', box, element('span', '', text)));
  }

  /** @param {import('./presentstate.js').Entry[]} demos */
  list(demos) {
    const key = JSON.stringify(demos);
    if (key === this.listed) return;
    this.listed = key;
    this.parts.demo.replaceChildren(...demos.map(({ name, title }) => {
      const option = element('option', '', title);
      option.value = name;
      return option;
    }));
  }
}
