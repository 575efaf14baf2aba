import { element, setAttribute, setStyle, setText, show } from './dom.js';
import { count, known } from './format.js';
import { joulesPerUnit } from './state.js';

/** @typedef {import('./types.js').Bet} Bet */
/** @typedef {{from: number, to: number}} Span both 0 to 1 */

/** Joules as people say them: 4.2, 568, 12 345, 250k, 1M. @param {number} joules */
export function joulesText(joules) {
  const size = Math.abs(joules);
  const sign = joules < 0 ? '−' : '';
  if (size >= 999_500) return `${sign}${Number((size / 1e6).toPrecision(2))}M`;
  if (size >= 99_999.5) return `${sign}${count(size / 1000)}k`;
  return sign + (size < 9.95 && !Number.isInteger(joules) ? size.toFixed(1) : count(size).replaceAll(' ', '\u202f'));
}

/** A saving in words: less than none is a cost. @param {number} joules */
export function savingText(joules) {
  return joules < 0 ? `takes ${joulesText(-joules)} J more` : `saves ${joulesText(joules)} J`;
}

/** The measured answer's interval. @param {Bet} bet */
export function intervalText({ low, high }) {
  return known(low) && known(high) ? `95 % sure: ${joulesText(low)} to ${joulesText(high)} J` : '';
}

/**
 * What is to be said of the answer where it is not the difference of the digits beside it: those are of all rounds, it is of
 * the pairs of whole ones that the verdict has.
 * @param {Bet} bet @param {Record<string, import('./types.js').ArmFigures>} figures of the arms
 */
export function roundsText({ answer, baseline = '', contender }, figures) {
  const others = contender ? [contender] : Object.keys(figures).filter((label) => label !== baseline);
  const [first, ...rest] = [baseline, ...others].map((label) => joulesPerUnit(figures[label]));
  if (!known(answer) || !known(first) || !rest.length || !rest.every(known)) return '';
  const saved = (figures[baseline].unit === undefined ? 1000 : 1) * (first - Math.min(...rest));
  return joulesText(saved) === joulesText(answer) ? '' : 'paired rounds';
}

/** Where `joules` lies between the outer edges, 0 to 1. @param {number[]} edges @param {number} joules */
export function place(edges, joules) {
  const [first, last] = [edges[0], edges[edges.length - 1]];
  return Math.min(1, Math.max(0, (joules - first) / (last - first)));
}

/** The guesses as bars between their edges, with the answer and its interval, and one's own guess, marked in them. */
export class Bars {
  constructor() {
    this.bars = element('div', 'bars-bars');
    this.interval = element('i', 'bars-interval');
    this.answer = element('i', 'bars-answer');
    this.own = element('i', 'bars-own');
    this.first = element('span');
    this.middle = element('span');
    this.last = element('span');
    this.root = element('div', 'bars', element('div', 'bars-area', this.interval, this.bars, this.answer, this.own),
      element('div', 'bars-edges', this.first, this.middle, this.last));
    this.root.setAttribute('role', 'img');
    this.drawn = '';
  }

  /** @param {Bet | null} bet null hides them @param {number | null} own this phone's guess, where there is one */
  draw(bet, own = null) {
    show(this.root, Boolean(bet?.histogram));
    const key = JSON.stringify([bet?.histogram, bet?.answer, bet?.low, bet?.high, own]);
    if (!bet?.histogram || key === this.drawn) return;
    this.drawn = key;
    const { edges, counts, below = 0, above = 0 } = bet.histogram;
    const most = Math.max(1, ...counts);
    while (this.bars.children.length > counts.length) this.bars.lastElementChild?.remove();
    while (this.bars.children.length < counts.length) this.bars.append(element('i'));
    counts.forEach((guesses, index) => {
      setStyle(/** @type {HTMLElement} */ (this.bars.children[index]), 'height', `${Math.round((guesses / most) * 1000) / 10}%`);
    });
    this.mark(this.answer, edges, bet.answer);
    this.mark(this.own, edges, own);
    show(this.interval, known(bet.low) && known(bet.high));
    if (known(bet.low) && known(bet.high)) {
      setStyle(this.interval, 'left', `${place(edges, bet.low) * 100}%`);
      setStyle(this.interval, 'right', `${(1 - place(edges, bet.high)) * 100}%`);
    }
    const half = edges[(edges.length - 1) >> 1];
    setText(this.first, (below ? '≤ ' : '') + joulesText(edges[0]));
    setText(this.middle, joulesText(half));
    setStyle(this.middle, 'left', `${place(edges, half) * 100}%`);
    setText(this.last, `${above ? '≥ ' : ''}${joulesText(edges[edges.length - 1])} J`);
    setAttribute(this.root, 'aria-label', `${bet.guesses} guesses between ${joulesText(edges[0])} and ${joulesText(edges[edges.length - 1])} joules`);
  }

  /** @param {HTMLElement} node @param {number[]} edges @param {number | null | undefined} joules */
  mark(node, edges, joules) {
    show(node, known(joules));
    if (known(joules)) setStyle(node, 'left', `${place(edges, joules) * 100}%`);
  }
}
