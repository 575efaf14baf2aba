import { element, setAttribute, show } from './dom.js';

/** @typedef {import('./types.js').Show} Show */

/** The way to the viewer page for every phone in the hall: a code to scan, and the same to type. */
export class JoinCard {
  constructor() {
    this.code = element('img', 'join-code');
    this.code.alt = 'QR code that leads to the viewer page';
    this.short = element('b', 'join-short');
    this.words = element('div', 'join-words', element('p', '', 'On your phone'), this.short);
    this.root = element('section', 'joincard', element('div', 'join-sheet', this.code), this.words);
    this.root.setAttribute('aria-label', 'Watch on your phone');
    this.url = '';
  }

  /** @param {Show} state */
  draw({ join }) {
    show(this.root, Boolean(join?.shown));
    if (!join?.shown || join.url === this.url) return;
    this.url = join.url;
    // The address in the query makes the browser ask again when the presenter has picked another one.
    setAttribute(this.code, 'src', `qr.svg?for=${encodeURIComponent(join.url)}`);
    this.short.replaceChildren(...brokenBefore(join.short));
  }
}

/** An address that may be broken where its parts begin, and nowhere else. @param {string} short */
function brokenBefore(short) {
  return short.split(/(?=:\d+\/|(?<!\d)\/)/).flatMap((part, index) => (index ? [element('wbr'), part] : [part]));
}
