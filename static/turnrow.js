import { element, say, setAttribute, setStyle, setText } from './dom.js';
import { known } from './format.js';
import { entries, phaseDetail, phaseName, progress, remaining, visible } from './schedule.js';
import { ended } from './state.js';

/** @typedef {import('./state.js').State} State */

const NARROWEST_EM = 1.45;

/** The bar that says whose turn it is, how long it still takes, and what comes after. */
export class TurnRow {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.name = element('p', 'phase-name');
    this.detail = element('p', 'phase-detail');
    this.row = element('ol', 'turns');
    this.clock = element('p', 'countdown');
    this.row.setAttribute('aria-hidden', 'true');
    root.append(element('div', 'phase', this.name, this.detail), this.row, this.clock);
    /** how many turns fit; none before the row has been measured, since too many would be cut */
    this.room = 0;
    new ResizeObserver(([entry]) => {
      const em = parseFloat(getComputedStyle(this.row).fontSize);
      this.room = Math.max(4, Math.floor(entry.contentRect.width / (em * NARROWEST_EM)));
    }).observe(this.row);
  }

  /** @param {State} state @param {number} run_t_ns @param {string[]} labels arms in the order of their slots */
  draw(state, run_t_ns, labels) {
    const { frame } = state;
    const plan = state.run?.schedule ?? state.demo?.schedule;
    const turn = frame?.schedule;
    setText(this.name, phaseName(frame));
    setText(this.detail, phaseDetail(frame, plan));
    const left = ended(state) ? '' : remaining(turn, run_t_ns);
    say(this.clock, left);
    this.drawRow(entries(plan, turn?.rounds ?? plan?.rounds), state, run_t_ns, labels);
  }

  /** @param {{names: string[], each: number}} turns @param {State} state @param {number} run_t_ns @param {string[]} labels */
  drawRow({ names: all, each }, state, run_t_ns, labels) {
    const turn = state.frame?.schedule;
    const round = known(turn?.round) ? Math.ceil(turn.round / each) : 0;
    const running = state.frame?.state === 'racing' && (turn?.phase ?? 'racing') === 'racing';
    const current = running ? round - 1 : -1;
    // A cooldown's `round` is either the one before or the one to come: only what has run is done.
    const done = running ? round - 1 : Math.floor(doneRounds(state, round * each) / each);
    if (this.room === 0) return;
    const part = visible(all.length, Math.max(current, done, 0), this.room);
    const shown = part.to - part.from;
    while (this.row.children.length > shown) this.row.lastElementChild?.remove();
    while (this.row.children.length < shown) this.row.append(element('li', 'turn'));
    for (let index = 0; index < shown; index += 1) {
      const item = /** @type {HTMLElement} */ (this.row.children[index]);
      const number = part.from + index;
      const state_ = number === current ? 'current' : number < done ? 'done' : 'coming';
      setText(item, all[number] || String(number + 1));
      setAttribute(item, 'data-slot', String(labels.indexOf(all[number])));
      setAttribute(item, 'data-turn', state_);
      const filled = number === current ? Math.round(progress(turn, run_t_ns) * 200) / 2 : 0;
      setStyle(item, '--filled', `${filled}%`);
    }
    setAttribute(this.row, 'data-cut', `${part.from > 0 ? 'left ' : ''}${part.to < all.length ? 'right' : ''}`.trim());
  }
}

/** How many rounds are over, by the arms' own counts. @param {State} state @param {number} round */
function doneRounds(state, round) {
  const figures = Object.values(state.frame?.arms ?? {});
  const counted = figures.reduce((sum, arm) => sum + (known(arm.rounds) ? arm.rounds : 0), 0);
  return counted || Math.max(0, round - 1);
}
