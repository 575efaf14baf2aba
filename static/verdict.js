import { element, setAttribute, setText, show } from './dom.js';
import { known } from './format.js';
import { IntervalBar } from './intervalbar.js';
import { planText } from './schedule.js';
import { arms } from './state.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./types.js').Verdict} Verdict */
/** @typedef {{tone: 'plain' | 'decided' | 'bad' | 'teaser', text: string, note: string, arm: string | null}} Line */

const MOST_DIGITS = 3; // of a percentage: closer bounds nobody has

/** The one sentence that the hall should take home at this moment. @param {State} state @returns {Line} */
export function verdictLine(state) {
  const { frame } = state;
  if (!frame) return plain(state.connection === 'closed' ? 'This page is not connected' : 'Connecting', state.why);
  if (frame.state === 'failed') return { tone: 'bad', text: 'The race failed', note: frame.reason ?? '', arm: null };
  const verdict = frame.verdict;
  if (secret(state)) return { tone: 'teaser', text: 'Which one takes less energy?', note: 'the presenter will reveal it', arm: null };
  if (frame.state === 'aborted' && !verdict) return plain('Stopped before a verdict', frame.reason ?? '');
  if (verdict) {
    return {
      tone: verdict.decided ? 'decided' : 'plain',
      text: capital(headline(verdict, arms(state).length)),
      note: interval(verdict),
      arm: verdict.decided ? subject(verdict.text, arms(state).map(({ label }) => label)) : null,
    };
  }
  if (frame.state === 'idle') return plain(versus(state), planText(state.run?.schedule ?? state.demo?.schedule));
  if (frame.state === 'done') return plain('Finished without a verdict', 'a verdict needs two rounds of each');
  return plain('No verdict yet', 'it needs two rounds of each');
}

/** Whether the presenter keeps it to himself, who wins and all that tells it. @param {State} state */
export function secret({ show: { verdict_hidden: hidden }, frame }) {
  return hidden && frame !== null && !['idle', 'preparing', 'failed'].includes(frame.state);
}

/** @param {string} text @param {string} note @returns {Line} */
function plain(text, note) {
  return { tone: 'plain', text, note, arm: null };
}

/** @param {State} state */
function versus(state) {
  const names = arms(state).map(({ name, label }) => name || label);
  return names.length ? `Ready to race: ${names.join(' against ')}` : 'Ready';
}

/** The interval behind a verdict, in the words of its text. @param {Verdict} verdict */
export function interval(verdict) {
  const { low, high, rounds, more_rounds: more } = verdict;
  const wanted = !verdict.decided && known(more) && more > 0 ? `about ${more} more would tell` : '';
  const after = [known(rounds) ? `${rounds} rounds each` : '', wanted].filter(Boolean).join(', ');
  if (!known(low) || !known(high)) return after;
  if (low >= 2 || (low >= 1 && high >= 3)) return join(`${times(low)} to ${times(high)} times`, after);
  const change = [(low - 1) * 100, (high - 1) * 100];
  if (high <= 1) return join(`${percents(-change[1], -change[0]).join(' to ')} % less`, after);
  if (low >= 1) return join(`${percents(change[0], change[1]).join(' to ')} % more`, after);
  const [less, more_] = percents(-change[0], change[1]);
  return join(`${less} % less to ${more_} % more`, after);
}

/** @param {string} between @param {string} after */
function join(between, after) {
  return [`95 % sure: ${between}`, after].filter(Boolean).join(', ').replaceAll(' %', '\u00a0%');
}

/** @param {number} ratio */
function times(ratio) {
  return ratio < 9.95 ? ratio.toFixed(1) : ratio.toFixed(0);
}

/**
 * Both ends of a range, with a decimal where one of them is small, or near 100, or where they would else look the same.
 * @param {number[]} ends
 */
function percents(...ends) {
  const same = (/** @type {number} */ digits) => new Set(ends.map((value) => value.toFixed(digits))).size === 1;
  let digits = ends.some((value) => value < 10 || value > 90) ? 1 : 0;
  while (digits < MOST_DIGITS && ends.length > 1 && same(digits)) digits += 1;
  const texts = ends.map((value) => value.toFixed(digits));
  return texts.every((text) => text.endsWith('.0')) ? texts.map((text) => text.slice(0, -2)) : texts;
}

/** Which arm a verdict's sentence is about. @param {string} text @param {string[]} labels */
export function subject(text, labels) {
  return labels.find((label) => text.startsWith(`${label} `)) ?? null;
}

/**
 * A verdict's sentence without the interval in brackets at its end, which stands beside it; of several arms with the one
 * that it is told against.
 * @param {Verdict} verdict @param {number} arms how many
 */
function headline({ text, low, high, decided, baseline }, arms) {
  const short = known(low) && known(high) ? text.replace(/\s*\([^()]*\)$/, '') : text;
  if (!decided || !baseline || arms < 3) return short;
  return `${short} ${/ times the /.test(short) ? 'of' : 'than'} ${baseline}`;
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The verdict's place on the page. */
export class VerdictLine {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.letter = element('span', 'letter');
    this.text = element('span', 'verdict-words');
    this.note = element('p', 'verdict-note');
    this.interval = new IntervalBar();
    root.append(element('p', 'verdict-text', this.letter, this.text), this.interval.root, this.note);
  }

  /** @param {State} state @param {string[]} labels */
  draw(state, labels) {
    const line = verdictLine(state);
    const slot = line.arm === null ? -1 : labels.indexOf(line.arm);
    setAttribute(this.root, 'data-tone', line.tone);
    setAttribute(this.root, 'data-long', String(line.text.length > 38));
    setAttribute(this.root, 'data-slot', String(slot));
    show(this.letter, slot >= 0);
    setText(this.letter, line.arm ?? '');
    setText(this.text, line.arm === null ? line.text : line.text.slice(line.arm.length + 1));
    setText(this.note, line.note);
    this.interval.draw(line.tone === 'teaser' ? null : state.frame?.verdict, state.run?.id ?? '');
  }
}
