import { element, setAttribute, setText } from './dom.js';
import { energyPerToken, energyUnit, short } from './format.js';
import { arms, hasPower, joulesPerUnit, unitsPerSecond } from './state.js';
import { verdictLine } from './verdict.js';

/** @typedef {import('./state.js').State} State */

/** The verdict as the presenter sees it, hidden from the hall or not. @param {State} state */
export function ownVerdict(state) {
  return verdictLine({ ...state, show: { ...state.show, verdict_hidden: false } });
}

/** The few figures that a speaker needs in view. */
export class Figures {
  /** @param {HTMLElement} table @param {HTMLElement} verdict */
  constructor(table, verdict) {
    this.table = table;
    this.verdict = verdict;
    this.words = [element('strong'), element('span', 'verdict-note')];
    verdict.append(this.words[0], ' ', this.words[1]);
    this.shown = '';
    /** @type {HTMLTableCellElement[][]} */
    this.cells = [];
    /** @type {HTMLElement[]} */
    this.heads = [];
  }

  /** @param {State} state */
  draw(state) {
    const list = arms(state);
    this.arrange(list);
    const figures = list.map(({ label }) => state.frame?.arms?.[label]);
    const unit = energyUnit(figures.map(joulesPerUnit));
    const work = figures.find((each) => each?.unit)?.unit ?? 'token';
    const words = hasPower(state) ? [`${unit}/${work}`, 'W', `${work}s/s`] : ['', '', `${work}s/s`];
    this.heads.forEach((head, index) => setText(head, words[index]));
    this.cells.forEach((cells, index) => {
      const each = figures[index];
      setAttribute(cells[0].parentElement ?? cells[0], 'data-state', each?.state ?? 'pending');
      const texts = [energyPerToken(joulesPerUnit(each), unit), short(each?.power_watts), short(unitsPerSecond(each))];
      cells.forEach((cell, column) => setText(cell, texts[column]));
    });
    const line = ownVerdict(state);
    const [text, note] = this.words;
    setText(text, line.text);
    setText(note, line.note);
    setAttribute(this.verdict, 'data-hidden', String(state.show.verdict_hidden));
  }

  /** A row for each arm. @param {import('./types.js').Arm[]} list */
  arrange(list) {
    const key = JSON.stringify(list);
    if (key === this.shown) return;
    this.shown = key;
    this.heads = ['', '', ''].map(() => {
      const head = element('th');
      head.scope = 'col';
      return head;
    });
    this.cells = list.map(() => ['', '', ''].map(() => element('td')));
    const rows = list.map(({ label, name }, slot) => {
      const row = element('tr', '', title(label, name), ...this.cells[slot]);
      row.dataset.slot = String(slot);
      return row;
    });
    const corner = element('th', '', element('span', 'unseen', 'Arm'));
    this.table.replaceChildren(element('thead', '', element('tr', '', corner, ...this.heads)), element('tbody', '', ...rows));
  }
}

/** @param {string} label @param {string} name */
function title(label, name) {
  const head = element('th', 'arm', element('span', 'letter', label), element('span', 'arm-name', name));
  head.scope = 'row';
  return head;
}
