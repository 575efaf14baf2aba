import { runningText, stateText } from './armwords.js';
import { element, say, setAttribute, setText, show } from './dom.js';
import { NONE, count, energyPerToken, short } from './format.js';
import { LightChart } from './lightchart.js';
import { joulesPerUnit, unitsPerSecond } from './state.js';

/** @typedef {import('./types.js').ArmFigures} ArmFigures */
/** @typedef {import('./types.js').Arm} Arm */

/**
 * @typedef {object} View what a card needs beside its own figures
 * @property {boolean} power whether there is a power sensor
 * @property {string} unit of energy per token, the same in all cards
 * @property {boolean} secret whether the presenter keeps the verdict, and all that tells it
 * @property {boolean} begun whether there is a run at all
 * @property {boolean} over whether it has ended
 * @property {string} reason why it has failed
 * @property {import('./reasons.js').Reasons} reasons
 */

/** One arm on a phone: letter, name, the hero number, watts and tokens, a light chart, and what it is saying. */
export class ViewArm {
  /** @param {Arm} arm @param {number} slot */
  constructor(arm, slot) {
    this.arm = arm;
    this.chart = new LightChart(slot, arm.label);
    this.state = element('span', 'arm-state');
    this.digits = element('b', 'arm-digits', NONE);
    this.unit = element('span', 'arm-unit');
    this.first = element('b');
    this.firstUnit = element('span');
    this.second = element('b');
    this.secondUnit = element('span');
    this.running = element('span', 'arm-running');
    this.trouble = element('p', 'arm-trouble');
    this.prompt = element('p', 'arm-prompt');
    this.text = element('p', 'arm-text');
    this.answer = element('div', 'arm-answer', this.prompt, element('div', 'arm-window', this.text));
    this.root = element('article', 'card arm',
      element('header', 'arm-head', element('span', 'letter', arm.label), element('h2', 'arm-name', arm.name || arm.label), this.state),
      element('div', 'arm-figures',
        element('p', 'arm-hero', this.digits, this.unit),
        element('div', 'arm-metrics',
          element('p', '', this.first, this.firstUnit), element('p', '', this.second, this.secondUnit), this.running)),
      this.trouble, this.chart.root, this.answer);
    setAttribute(this.root, 'data-slot', String(slot));
    // Long names and texts end where their room does, by design: the test of the layout knows them by this.
    for (const node of this.root.querySelectorAll('.arm-name, .arm-prompt, .arm-window')) setAttribute(node, 'data-may-end', '');
  }

  /** @param {ArmFigures | undefined} figures @param {View} view */
  drawFigures(figures, view) {
    const state = view.begun ? figures?.state ?? 'pending' : 'idle';
    const failed = state === 'failed';
    const shown = view.over && !failed ? 'over' : state;
    setAttribute(this.root, 'data-state', shown);
    say(this.state, shown === 'over' ? '' : stateText(state, figures));
    this.drawHero(figures, view);
    setText(this.running, runningText(view.over ? 0 : figures?.running ?? 0, figures?.running_by));
    const trouble = failed ? `${this.arm.label} has failed. ${figures?.reason || view.reason}`.trim()
      : view.power || !view.begun ? view.reasons.sentence(figures?.reasons) : 'No power sensor on this machine: speed only';
    say(this.trouble, trouble);
    show(this.chart.root, view.power && view.begun && !failed);
    setText(this.prompt, figures?.prompt ?? '');
    setAttribute(this.prompt, 'data-asked', String(Boolean(figures?.prompt)));
    setText(this.text, (figures?.text ?? '').replace(/\s+/g, ' '));
    show(this.answer, Boolean(figures?.text || figures?.prompt));
  }

  /** @param {ArmFigures | undefined} figures @param {View} view */
  drawHero(figures, view) {
    const unit = figures?.unit;
    // Without a power sensor speed is what the verdict is about.
    const speed = view.secret && !view.power ? null : unitsPerSecond(figures);
    const hero = view.power ? energyPerToken(joulesPerUnit(figures), view.unit) : short(speed);
    setText(this.digits, view.secret ? '?' : hero);
    setAttribute(this.digits, 'data-none', String(!view.secret && hero === NONE));
    setText(this.unit, view.power ? `${view.unit} per ${unit ?? 'token'}` : `${unit ?? 'tokens'} per second`);
    setText(this.first, view.power ? short(figures?.power_watts) : count(unit === undefined ? figures?.tokens : figures?.units));
    setText(this.firstUnit, view.power ? ' W' : ` ${unit ?? 'tokens'}`);
    setText(this.second, view.power ? short(speed) : count(figures?.rounds));
    setText(this.secondUnit, view.power ? ` ${unit ?? 'tok'}/s` : figures?.rounds === 1 ? ' turn' : ' turns');
  }

  /** @param {ArmFigures | undefined} figures @param {import('./track.js').Track} track @param {number} run_t_ns @param {number} max @param {boolean} over */
  drawChart(figures, track, run_t_ns, max, over) {
    this.chart.draw(track, run_t_ns, max, figures?.state === 'active' && !over);
  }

  remove() {
    this.chart.remove();
    this.root.remove();
  }
}
