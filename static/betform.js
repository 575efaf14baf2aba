import { Bars, intervalText, joulesText, roundsText, savingText } from './bars.js';
import { element, setAttribute, setText, show } from './dom.js';
import { count, known } from './format.js';
import { ask, keepNickname, nickname } from './phone.js';

/** @typedef {import('./types.js').Bet} Bet */
/** @typedef {import('./types.js').MyGuess} MyGuess */

const SPREAD_MS = 3000; // 500 phones ask how they did, and not all in the same moment
const LONGEST_NAME = 20;
const LONGEST_NUMBER = 9;

/** The bet on a phone: what is asked, this phone's guess, and how it came out. */
export class BetForm {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.question = element('h2', 'card-title');
    this.saves = choice('saves');
    this.costs = choice('costs');
    this.number = input('bet-number', 'Joules', LONGEST_NUMBER);
    this.number.inputMode = 'decimal';
    this.name = input('bet-name', 'Nickname, if you like', LONGEST_NAME);
    this.name.value = nickname();
    this.send = element('button', 'bet-send', 'Send my guess');
    this.error = element('p', 'form-error');
    this.error.setAttribute('role', 'alert');
    const sides = element('fieldset', 'bet-sides', element('legend', 'unseen', 'Does it save energy, or take more?'),
      this.saves.root, this.costs.root);
    this.form = element('form', 'bet-form', sides,
      labelled('My guess, in joules', this.number), labelled('Nickname, if you like', this.name), this.error, this.send);
    this.form.noValidate = true;
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    this.mineText = element('p', 'bet-mine');
    this.change = element('button', 'plain', 'Change it');
    this.change.type = 'button';
    this.change.addEventListener('click', () => this.edit());
    this.answer = element('p', 'bet-answer');
    this.note = element('p', 'bet-note');
    this.bars = new Bars();
    this.count = element('p', 'bet-count');
    this.closest = element('ol', 'bet-closest');
    this.hint = element('p', 'bet-note');
    root.append(this.question, this.hint, this.answer, this.note, this.form, this.mineText, this.change, this.bars.root, this.count, this.closest);
    this.saves.input.checked = true;
    /** @type {MyGuess | null} */
    this.mine = null;
    /** Whether this phone's guess is there no more. */
    this.removed = false;
    this.editing = true;
    this.busy = false;
    this.state = '';
    this.closestShown = '';
  }

  /** @param {Bet | null} bet @param {Record<string, import('./types.js').ArmFigures>} figures of the arms, as far as they are known */
  draw(bet, figures) {
    show(this.root, bet !== null);
    const state = bet?.state ?? '';
    if (state !== this.state) this.become(state);
    if (!bet) return;
    setAttribute(this.root, 'data-bet', bet.state);
    const who = bet.contender ?? 'It';
    setText(this.question, bet.question);
    setText(this.saves.text, `${who} saves`);
    setText(this.costs.text, `${who} takes more`);
    const open = bet.state === 'open';
    show(this.form, open && this.editing);
    show(this.hint, open && this.editing);
    setText(this.hint, hint(bet, figures));
    show(this.mineText, !(open && this.editing));
    show(this.change, open && !this.editing);
    setText(this.mineText, this.words(bet));
    this.drawAnswer(bet, who, figures);
    // Whoever has not guessed yet shall not copy the others.
    this.bars.draw(open && this.editing ? null : bet, this.mine?.guess ?? null);
    setText(this.count, bet.guesses === 1 ? '1 guess in the hall' : `${count(bet.guesses)} guesses in the hall`);
    this.drawClosest(bet);
  }

  /** @param {Bet} bet @param {string} who @param {Record<string, import('./types.js').ArmFigures>} figures */
  drawAnswer(bet, who, figures) {
    const told = bet.state === 'revealed';
    show(this.answer, told);
    show(this.note, told);
    if (!told) return;
    const labels = [bet.simulated ? 'simulated' : '', bet.replay ? 'a recording' : ''].filter(Boolean).join(', ');
    setText(this.answer, known(bet.answer) ? `${who} ${savingText(bet.answer)}` : 'Not measured');
    setText(this.note, [known(bet.answer) ? intervalText(bet) : bet.why, roundsText(bet, figures), labels].filter(Boolean).join(' · '));
  }

  /** What this phone has to do with it. @param {Bet} bet */
  words(bet) {
    if (this.removed) return 'The presenter has taken your guess out.';
    if (!this.mine) return bet.state === 'closed' ? 'Guessing is over.' : '';
    const mine = `You guessed ${joulesText(this.mine.guess)} J.`;
    if (bet.state !== 'revealed' || !known(this.mine.closer)) return bet.state === 'closed' ? `${mine} Guessing is over.` : mine;
    if (this.mine.closer === 0) return `${mine} Nobody came closer!`;
    return `${mine} ${count(this.mine.closer)} of ${count(bet.guesses)} came closer.`;
  }

  /** @param {Bet} bet */
  drawClosest(bet) {
    const list = bet.closest ?? [];
    show(this.closest, list.length > 0);
    const key = JSON.stringify(list);
    if (key === this.closestShown) return;
    this.closestShown = key;
    this.closest.replaceChildren(...list.map(({ nickname: name, guess }) => (
      element('li', '', element('b', '', name || 'Anonymous'), element('span', '', `${joulesText(guess)} J`)))));
  }

  /** @param {string} state */
  become(state) {
    const first = this.state === '';
    this.state = state;
    if (state === '') {
      this.mine = null;
      this.removed = false;
      this.edit();
      return;
    }
    setTimeout(() => this.refresh(), first && state === 'open' ? 0 : Math.random() * SPREAD_MS);
  }

  /** Asks what this phone has guessed: it may have been here before, or be told now how it did. */
  async refresh() {
    const reply = await ask('api/bet');
    if (!reply.ok || this.busy) return;
    const before = this.mine;
    this.mine = reply.body.mine ?? null;
    this.removed = !this.mine && (this.removed || before !== null);
    if (this.mine && !before) this.editing = false;
    if (!this.mine && this.state === 'open') this.editing = true;
  }

  edit() {
    this.editing = true;
    setText(this.error, '');
  }

  async submit() {
    const joules = Number(this.number.value.replace(',', '.').replace(/\s/g, ''));
    if (this.number.value.trim() === '' || !Number.isFinite(joules)) {
      setText(this.error, 'Type a number of joules.');
      this.number.focus();
      return;
    }
    if (this.busy) return;
    this.busy = true;
    this.send.disabled = true;
    const guess = this.costs.input.checked ? -Math.abs(joules) : joules;
    const reply = await ask('api/bet', { nickname: this.name.value, guess });
    this.busy = false;
    this.send.disabled = false;
    setText(this.error, reply.error);
    if (!reply.ok) return;
    keepNickname(this.name.value);
    this.mine = reply.body.mine;
    this.editing = false;
  }
}

/** What a guess may go by. @param {Bet} bet @param {Record<string, import('./types.js').ArmFigures>} figures */
function hint({ baseline, per }, figures) {
  const joules = figures[baseline ?? '']?.joules_per_token;
  if (known(joules)) return `So far ${baseline} takes ${joulesText(joules * 1000)} J for ${per}.`;
  return 'One joule lifts an apple by a metre.';
}

/** @param {string} value */
function choice(value) {
  const box = element('input');
  box.type = 'radio';
  box.name = 'bet-side';
  box.value = value;
  const text = element('span');
  return { root: element('label', 'bet-side', box, text), input: box, text };
}

/** @param {string} name @param {string} hint @param {number} longest */
function input(name, hint, longest) {
  const box = element('input', name);
  box.type = 'text';
  box.name = name;
  box.placeholder = hint;
  box.maxLength = longest;
  box.autocomplete = 'off';
  return box;
}

/** @param {string} text @param {HTMLInputElement} box */
function labelled(text, box) {
  return element('label', 'bet-field', element('span', 'unseen', text), box);
}
