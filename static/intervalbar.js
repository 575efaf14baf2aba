import { element, setAttribute, setStyle, show } from './dom.js';
import { known } from './format.js';

/** @typedef {import('./types.js').Verdict} Verdict */
/** @typedef {{from: number, to: number}} Span both 0 to 1 from the left end of the scale */

const NARROWEST = Math.log(1.1); // so that small differences fill the scale, and noise of a percent does not
const MARGIN = 1.25;
const PAST = 4;

/**
 * How far a ratio's scale reaches to each side of "the same", as a logarithm.
 * @param {number} low @param {number} high
 */
export function reach(low, high) {
  return Math.max(NARROWEST, Math.abs(Math.log(low)) * MARGIN, Math.abs(Math.log(high)) * MARGIN);
}

/** Where an interval lies on its scale. @param {number} low @param {number} high @param {number} far @returns {Span} */
export function span(low, high, far) {
  const place = (/** @type {number} */ ratio) => Math.min(1, Math.max(0, 0.5 + Math.log(ratio) / far / 2));
  return { from: place(low), to: place(high) };
}

/**
 * The verdict's interval as a bar on a scale from less over the same to more, over those of the rounds before, which
 * were wider: it is seen to narrow.
 */
export class IntervalBar {
  constructor() {
    this.now = element('i', 'interval-now');
    this.past = Array.from({ length: PAST }, () => element('i', 'interval-past'));
    this.scale = element('div', 'interval-scale', element('i', 'interval-same'), ...this.past, this.now);
    this.root = element('div', 'interval', element('span', '', 'less'), this.scale, element('span', '', 'more'));
    this.root.setAttribute('aria-hidden', 'true'); // the note beside it says the same in words
    this.who = '';
    /** @type {{rounds: number, low: number, high: number}[]} newest first */
    this.seen = [];
  }

  /** @param {Verdict | null | undefined} verdict @param {string} run */
  draw(verdict, run) {
    const { low, high, rounds } = verdict ?? {};
    const drawable = known(low) && known(high) && low > 0 && Number.isFinite(high);
    show(this.root, drawable);
    if (!drawable) return;
    this.remember(`${run} ${verdict?.metric}`, known(rounds) ? rounds : 0, low, high);
    const far = reach(low, high);
    place(this.now, span(low, high, far));
    this.past.forEach((bar, index) => {
      const then = this.seen[index + 1];
      show(bar, then !== undefined);
      if (then) place(bar, span(then.low, then.high, far));
    });
    setAttribute(this.root, 'data-decided', String(verdict?.decided === true));
  }

  /** @param {string} who @param {number} rounds @param {number} low @param {number} high */
  remember(who, rounds, low, high) {
    if (who !== this.who || rounds < (this.seen[0]?.rounds ?? 0)) this.seen = [];
    this.who = who;
    if (this.seen[0]?.rounds === rounds) this.seen[0] = { rounds, low, high };
    else this.seen = [{ rounds, low, high }, ...this.seen.slice(0, PAST)];
  }
}

/** @param {HTMLElement} bar @param {Span} where */
function place(bar, { from, to }) {
  setStyle(bar, 'left', `${(from * 100).toFixed(2)}%`);
  setStyle(bar, 'right', `${((1 - to) * 100).toFixed(2)}%`);
}
