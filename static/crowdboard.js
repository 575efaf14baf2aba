import { element, setText, show } from './dom.js';
import { count } from './format.js';

/** @typedef {import('./types.js').Show} Show */

/** The hall's questions in the race: how many are being answered now, and what became of the others. */
export class CrowdBoard {
  constructor() {
    this.running = element('b', 'crowd-running');
    this.what = element('span', 'crowd-what');
    this.rest = element('p', 'crowd-rest');
    this.root = element('section', 'crowdboard', element('p', 'crowd-now', this.running, this.what), this.rest);
    this.root.setAttribute('aria-label', 'The hall’s questions');
  }

  /** @param {Show} state */
  draw({ load }) {
    // When no more are taken and all are answered, the column is the race's again.
    const over = load === null || (!load.open && load.running === 0 && !load.waiting);
    show(this.root, !over);
    if (over) return;
    setText(this.running, count(load.running));
    setText(this.what, load.running === 1 ? 'of your questions, now' : 'of your questions, at once');
    const most = load.most ? `, peak ${count(load.most)}` : '';
    setText(this.rest, load.open && load.sent === 0 ? 'Send one from your phone' : `${count(load.sent)} sent${most}`);
  }
}
