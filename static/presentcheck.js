import { element, setAttribute, setText, show } from './dom.js';
import { checkText, sorted } from './presentstate.js';

/** @typedef {import('./presentstate.js').Finding} Finding */

const SIGNS = { ok: '✓', warning: '!', problem: '✗' };
const WORDS = { ok: 'fine', warning: 'doubtful', problem: 'must be put right' };

/** The doctor's findings as lights: what needs a hand first, with what to do; what is fine behind a fold. */
export class CheckList {
  /** @param {{said: HTMLElement, button: HTMLButtonElement, list: HTMLElement, fine: HTMLElement}} parts @param {() => void} check */
  constructor(parts, check) {
    this.parts = parts;
    /** @type {Finding[] | null} */
    this.shown = null;
    parts.button.addEventListener('click', check);
  }

  /** @param {import('./presentstate.js').Check} check @param {boolean} busy whether a race runs */
  draw(check, busy) {
    const { said, button, list, fine } = this.parts;
    setText(said, checkText(check));
    setAttribute(said, 'data-tone', check.state === 'done' ? (check.ok ? 'good' : 'bad') : check.state);
    setText(button, check.state === 'done' ? 'Check again' : 'Check');
    button.disabled = check.state === 'running' || busy;
    if (check.findings === this.shown) return;
    this.shown = check.findings;
    const { open, fine: well } = sorted(check.findings);
    list.replaceChildren(...open.map(light));
    show(fine, well.length > 0);
    const [summary, rest] = fine.children;
    setText(summary, `${well.length} fine`);
    rest.replaceChildren(...well.map(light));
  }
}

/** @param {Finding} finding */
function light({ check, level, text, remedy }) {
  const sign = element('span', 'light', SIGNS[level] ?? '?');
  sign.setAttribute('role', 'img');
  sign.setAttribute('aria-label', WORDS[level] ?? level);
  const words = element('div', '', element('p', '', element('strong', '', check), ` ${text}`));
  if (remedy) words.append(element('p', 'remedy', remedy));
  const row = element('li', '', sign, words);
  row.dataset.level = level;
  return row;
}
