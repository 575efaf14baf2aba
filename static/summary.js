import { element, setText } from './dom.js';
import { NONE, count, energyPerToken, energyUnit, short } from './format.js';
import { phaseDetail, phaseName } from './schedule.js';
import { arms, joulesPerUnit, unitsPerSecond } from './state.js';
import { secret, verdictLine } from './verdict.js';

/** @typedef {import('./state.js').State} State */

const TABLE_EVERY_MS = 3000;
const SPEAK_EVERY_MS = 15_000;
const COLUMNS = ['Arm', 'State', 'Energy', 'Power', 'Speed', 'Done', 'At once'];

/** The page for those who do not see it: the figures as a table, and now and then a sentence. */
export class Summary {
  /** @param {HTMLElement} table @param {HTMLElement} speech */
  constructor(table, speech) {
    this.body = element('tbody');
    table.append(
      element('caption', '', 'Live figures'),
      element('thead', '', element('tr', '', ...COLUMNS.map((name) => header(name, 'col')))), this.body);
    this.speech = speech;
    this.tableMs = -Infinity;
    this.spokenMs = -Infinity;
    this.secret = false;
  }

  /** @param {State} state @param {number} nowMs */
  draw(state, nowMs) {
    // What is hidden must not stand there until its next turn comes.
    if (secret(state) !== this.secret) this.tableMs = this.spokenMs = -Infinity;
    this.secret = secret(state);
    if (nowMs - this.tableMs >= TABLE_EVERY_MS || this.body.rows.length !== arms(state).length) {
      this.tableMs = nowMs;
      this.body.replaceChildren(...arms(state).map((arm) => row(state, arm)));
    }
    if (nowMs - this.spokenMs < SPEAK_EVERY_MS) return;
    const line = verdictLine(state);
    const sentence = `${phaseName(state.frame)}, ${phaseDetail(state.frame, state.run?.schedule)}. ${line.text}.`;
    if (sentence === this.speech.textContent) return;
    this.spokenMs = nowMs;
    setText(this.speech, sentence);
  }
}

/** @param {State} state @param {import('./types.js').Arm} arm */
function row(state, arm) {
  const figures = state.frame?.arms?.[arm.label];
  const joules = joulesPerUnit(figures);
  const [unit, units] = figures?.unit === undefined ? ['token', 'tokens'] : [figures.unit, figures.unit];
  const energy = secret(state) ? 'not yet revealed' : `${energyPerToken(joules)} ${energyUnit([joules])} per ${unit}`;
  const done = count(figures?.unit === undefined ? figures?.tokens : figures.units);
  const cells = [
    figures?.state ?? NONE, energy, `${short(figures?.power_watts)} W`, `${short(unitsPerSecond(figures))} ${units} a second`,
    `${done} ${units}`, count(figures?.running),
  ];
  return element('tr', '', header(`${arm.label}: ${arm.name}`, 'row'), ...cells.map((text) => element('td', '', text)));
}

/** @param {string} text @param {string} scope */
function header(text, scope) {
  const cell = element('th', '', text);
  cell.scope = scope;
  return cell;
}
