import { Bars, intervalText, joulesText, roundsText, savingText } from './bars.js';
import { element, setAttribute, setText, show } from './dom.js';
import { count, known } from './format.js';

/** @typedef {import('./types.js').Show} Show */
/** @typedef {import('./types.js').Bet} Bet */

const ROUNDS = 'The answer is of the pairs of whole rounds that the verdict has; the digits beside it are of all rounds.';

/** The hall's bet: what is asked, how everybody guessed, and what was measured. */
export class BetBoard {
  constructor() {
    this.title = element('h2', 'bet-title');
    this.question = element('p', 'bet-question');
    this.answer = element('p', 'bet-answer');
    this.note = element('p', 'bet-note');
    this.bars = new Bars();
    this.closest = element('ol', 'bet-closest');
    this.root = element('section', 'betboard', this.title, this.question, this.answer, this.note, this.bars.root, this.closest);
    this.root.setAttribute('aria-label', 'The hall’s bet');
    this.closestShown = '';
  }

  /** @param {Show} state @param {Record<string, import('./types.js').ArmFigures>} figures of the arms @param {boolean} recorded */
  draw({ bet }, figures, recorded) {
    show(this.root, bet !== null);
    if (!bet) return;
    setAttribute(this.root, 'data-bet', bet.state);
    const live = recorded && !bet.replay;
    setText(this.title, title(bet, live));
    setText(this.question, bet.question);
    const told = bet.state === 'revealed';
    show(this.question, !told);
    show(this.answer, told);
    show(this.note, told);
    if (told) this.drawAnswer(bet, live ? {} : figures);
    this.bars.draw(bet);
    this.drawClosest(bet.closest ?? []);
  }

  /** @param {Bet} bet @param {Record<string, import('./types.js').ArmFigures>} figures */
  drawAnswer(bet, figures) {
    setText(this.answer, known(bet.answer) ? `${bet.contender ?? 'It'} ${savingText(bet.answer)}` : 'Not measured');
    setAttribute(this.note, 'title', ROUNDS);
    const what = known(bet.answer) ? [`per ${bet.per ?? ''}`, roundsText(bet, figures)].filter(Boolean).join(', ') : bet.why ?? '';
    setText(this.note, [what, intervalText(bet)].filter(Boolean).join(' · '));
  }

  /** @param {{nickname: string, guess: number}[]} list */
  drawClosest(list) {
    show(this.closest, list.length > 0);
    const key = JSON.stringify(list);
    if (key === this.closestShown) return;
    this.closestShown = key;
    this.closest.replaceChildren(...list.map(({ nickname, guess }) => (
      element('li', '', element('b', '', nickname || 'Anonymous'), element('span', '', `${joulesText(guess)} J`)))));
  }
}

/** @param {Bet} bet @param {boolean} live whether the answer is of the race behind a recording that is on the screen */
function title({ state, guesses, simulated, replay }, live) {
  const many = guesses === 1 ? '1 guess' : `${count(guesses)} guesses`;
  if (state === 'open') return `Place your bet · ${many}`;
  if (state === 'closed') return `${many} ${guesses === 1 ? 'is' : 'are'} in`;
  const kind = [replay ? 'recorded' : '', simulated ? 'simulated' : ''].filter(Boolean).join(', ');
  return `${many}, and the ${kind} answer${live ? ' of the race before' : ''}`.replace('  ', ' ');
}
