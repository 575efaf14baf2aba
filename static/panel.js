import { runningText, stateText } from './armwords.js';
import { Chart } from './chart.js';
import { element, say, setAttribute, setText, show } from './dom.js';
import { NONE, count, duration, energyPerToken, known, short } from './format.js';
import { joulesPerUnit, unitsPerSecond } from './state.js';

/** @typedef {import('./types.js').ArmFigures} ArmFigures */
/** @typedef {import('./types.js').Arm} Arm */
/** @typedef {import('./track.js').Track} Track */

/**
 * @typedef {object} View what a panel needs beside its own figures
 * @property {boolean} power whether there is a power sensor
 * @property {string} unit of energy per token, the same in all panels
 * @property {boolean} secret whether what tells the winner is kept back
 * @property {string} reason why the run has failed
 * @property {boolean} over whether the run has ended
 * @property {boolean} begun whether there is a run at all
 * @property {import('./reasons.js').Reasons} reasons what reason codes mean
 */

const MOST_PIPS = 16;
const NBSP = '\u00a0';
const EXPECT = 'Energy, power and speed appear here when the race starts.';

/** One arm: letter, name, the hero number, watts and tokens, the chart, and what it is saying. */
export class Panel {
  /** @param {Arm} arm @param {number} slot */
  constructor(arm, slot) {
    this.arm = arm;
    this.chart = new Chart(slot, arm.name ? `${arm.name} (${arm.label})` : `arm ${arm.label}`);
    this.state = element('span', 'panel-state');
    const name = element('h2', 'panel-name', arm.name || arm.label);
    this.digits = element('span', 'hero-digits', NONE);
    this.unit = element('b', '', 'mJ');
    this.per = element('span', '', 'per token');
    this.equalWork = element('span');
    this.equalSize = element('span', 'equal-size');
    this.equalThing = element('span');
    this.equal = element('p', 'equal', this.equalWork, this.equalSize, this.equalThing);
    this.first = metric();
    this.second = metric();
    this.reasons = element('p', 'reasons');
    this.pips = element('span', 'pips');
    const head = element('header', 'panel-head', element('span', 'letter', arm.label), name, this.pips, this.state);
    this.troubleText = element('span');
    this.trouble = element('p', 'trouble', this.troubleText);
    this.prompt = element('p', 'prompt');
    this.text = element('p', 'text');
    this.root = element('article', 'panel', element('div', 'panel-body',
      head,
      element('div', 'hero', this.digits, element('span', 'hero-unit', this.unit, this.per)),
      this.equal,
      element('div', 'metrics', this.first.root, this.second.root),
      this.reasons,
      element('p', 'expect', EXPECT),
      this.trouble,
      this.chart.root,
      element('div', 'answer', this.prompt, element('div', 'text-window', this.text))));
    this.root.setAttribute('data-slot', String(slot));
    this.word = '';
    this.mostRunning = 0;
    this.rested = false;
  }

  /** @param {ArmFigures | undefined} figures @param {View} view @param {import('./equivalents.js').Likeness | null} equal what its energy is like */
  drawFigures(figures, view, equal) {
    const state = figures?.state ?? (view.begun ? 'pending' : 'idle');
    setAttribute(this.root, 'data-state', view.over && state !== 'failed' ? 'over' : state);
    setAttribute(this.root, 'data-power', String(view.power));
    this.word = view.over && state !== 'failed' ? '' : doing(state, figures);
    if (state !== 'resting' || !view.power) say(this.state, this.word);
    this.drawEqual(view.secret ? null : equal);
    if (view.power) this.drawEnergy(figures, view);
    else this.drawSpeed(figures, view);
    this.drawRunning(view.over ? null : figures?.running);
    const care = view.reasons.sentence(figures?.reasons);
    say(this.reasons, care);
    setAttribute(this.reasons, 'title', care);
    setAttribute(this.root, 'data-care', String(care !== ''));
    const trouble = state === 'failed' ? `${this.arm.label} has failed. ${figures?.reason ?? view.reason}`.trim()
      : view.power ? '' : 'No power sensor on this machine: speed only';
    setText(this.troubleText, trouble);
    setAttribute(this.trouble, 'title', trouble);
    show(this.trouble, trouble !== '' && state !== 'idle');
    show(this.chart.root, view.power && state !== 'failed');
    const last = state === 'failed' ? figures?.last_words : undefined;
    const prompt = last ? 'The last lines of its log' : figures?.prompt ?? '';
    setText(this.prompt, prompt);
    setAttribute(this.prompt, 'data-asked', String(prompt !== ''));
    setText(this.text, (last?.join(' \u23ce ') ?? figures?.text ?? '').replace(/\s+/g, ' '));
  }

  /** @param {ArmFigures | undefined} figures @param {View} view */
  drawEnergy(figures, view) {
    const joules = joulesPerUnit(figures);
    this.drawHero(view.secret ? '?' : energyPerToken(joules, view.unit));
    setText(this.unit, view.unit);
    setText(this.per, `per ${figures?.unit ?? 'token'}`);
    this.first.draw(short(figures?.power_watts), 'W');
    this.second.draw(short(unitsPerSecond(figures)), `${figures?.unit ?? 'tok'}/s`);
  }

  /** @param {ArmFigures | undefined} figures @param {View} view */
  drawSpeed(figures, view) {
    const speed = view.secret ? null : unitsPerSecond(figures);
    const units = figures?.unit ?? 'tokens';
    this.drawHero(short(speed));
    setText(this.unit, units);
    setText(this.per, 'per second');
    this.first.draw(count(figures?.unit === undefined ? figures?.tokens : figures.units), units);
    this.second.draw(count(figures?.rounds), figures?.rounds === 1 ? 'turn' : 'turns');
  }

  /** @param {import('./equivalents.js').Likeness | null} equal */
  drawEqual(equal) {
    show(this.equal, equal !== null);
    if (!equal) return;
    setText(this.equalWork, equal.work);
    setText(this.equalSize, equal.size);
    setText(this.equalThing, ` ≈ ${equal.thing}`);
    setAttribute(this.equal, 'title', equal.source);
  }

  /** @param {string} text */
  drawHero(text) {
    setText(this.digits, text);
    setAttribute(this.digits, 'data-none', String(text === NONE));
    setAttribute(this.digits, 'data-long', String(text.length > 4));
  }

  /** How many requests run at once, as far as they can be counted at a glance. @param {number | null | undefined} running */
  drawRunning(running) {
    this.mostRunning = Math.max(this.mostRunning, running ?? 0);
    const pips = this.mostRunning <= MOST_PIPS ? this.mostRunning : 0;
    show(this.pips, known(running) && pips > 0);
    if (!known(running)) return;
    while (this.pips.children.length > pips) this.pips.lastElementChild?.remove();
    while (this.pips.children.length < pips) this.pips.append(element('i'));
    for (let index = 0; index < pips; index += 1) {
      setAttribute(this.pips.children[index], 'data-on', String(index < running));
    }
  }

  /** @param {ArmFigures | undefined} figures @param {Track} track @param {number} run_t_ns @param {number} max @param {boolean} over */
  drawChart(figures, track, run_t_ns, max, over) {
    const active = figures?.state === 'active' && !over;
    this.chart.draw(track, run_t_ns, max, active, figures?.steady_t_ns);
    this.rested = (figures?.rounds ?? 0) > 0 || figures?.state === 'resting';
    if (over || figures?.state === 'resting') say(this.state, this.resting(track, run_t_ns, over) || this.word);
  }

  /** What the dashed picture is. @param {Track} track @param {number} run_t_ns @param {boolean} over */
  resting(track, run_t_ns, over) {
    const ghost = track.ghosts.get(this.arm.label);
    if (!ghost) return over || this.rested ? '' : 'no turn yet';
    const seconds = Math.max(0, Math.floor((run_t_ns - ghost.end_t_ns) / 1e9));
    return over ? 'last turn' : `resting ${duration(seconds).replace('.0', '').replace(' ', NBSP)}`;
  }

  remove() {
    this.chart.remove();
    this.root.remove();
  }
}

/** What an arm is doing: where it runs, how much at once. @param {string} state @param {ArmFigures | undefined} figures */
function doing(state, figures) {
  const running = state === 'active' ? figures?.running ?? 0 : 0;
  return runningText(running, figures?.running_by) || stateText(state, figures);
}

function metric() {
  const digits = element('b');
  const unit = element('span');
  /** @param {string} value @param {string} name */
  const draw = (value, name) => {
    setText(digits, value);
    setAttribute(digits, 'data-none', String(value === NONE));
    setText(unit, name);
  };
  return { root: element('p', 'metric', digits, unit), draw };
}
