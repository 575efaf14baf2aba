import { ageText, badges, drawBadges } from './badge.js';
import { Control } from './control.js';
import { byId, setAttribute, setText, show } from './dom.js';
import { energyUnit, known, temperature } from './format.js';
import { Panel } from './panel.js';
import { Reasons } from './reasons.js';
import { SensorPanel } from './sensorpanel.js';
import { activeArm, arms, behindText, ended, hasPower, joulesPerUnit, unitsPerSecond } from './state.js';
import { Summary } from './summary.js';
import { TurnRow } from './turnrow.js';
import { VerdictLine } from './verdict.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Event} Event */
/** @typedef {import('./tracks.js').Tracks} Tracks */

/** The page's parts, each drawn from the state. */
export class Page {
  /** @param {(event: Event) => void} dispatch */
  constructor(dispatch) {
    this.verdict = new VerdictLine(byId('verdict'));
    this.turns = new TurnRow(byId('schedule'));
    this.control = new Control(byId('control'), dispatch);
    this.summary = new Summary(byId('figures'), byId('speech'));
    this.reasons = new Reasons();
    this.sensor = new SensorPanel(byId('sensor'));
    /** @type {Panel[]} */
    this.panels = [];
    this.shown = '';
  }

  /** Makes the panels anew when other arms are to be shown. True when it did. @param {State} state */
  arrange(state) {
    const list = arms(state);
    const key = JSON.stringify([state.run?.id, list]);
    if (key === this.shown) return false;
    this.shown = key;
    for (const panel of this.panels) panel.remove();
    this.panels = list.map((arm, slot) => new Panel(arm, slot));
    const root = byId('panels');
    root.append(...this.panels.map(({ root: panel }) => panel));
    root.setAttribute('data-arms', String(list.length));
    return true;
  }

  /** All words and digits. @param {State} state @param {number} nowMs @param {number} run_t_ns */
  drawText(state, nowMs, run_t_ns) {
    const { frame, run, demo } = state;
    const labels = this.panels.map(({ arm }) => arm.label);
    setAttribute(document.body, 'data-state', frame?.state ?? 'none');
    setText(byId('title'), run?.title ?? demo?.title ?? 'wattrace');
    setText(byId('learn'), run?.learn ?? demo?.learn ?? '');
    drawBadges(byId('badges'), badges(state, nowMs));
    setText(byId('age'), ageText(state, nowMs));
    setText(byId('device'), [run?.device, temperature(frame?.temperature_celsius)].filter(Boolean).join('  '));
    this.verdict.draw(state, labels);
    this.turns.draw(state, run_t_ns, labels);
    this.control.draw(state);
    this.sensor.draw(state.sensor, this.reasons);
    this.summary.draw(state, nowMs);
    const notice = state.notice || (state.connection === 'open' ? behindText(state, nowMs) : state.why);
    setText(byId('notice'), notice);
    show(byId('notice'), notice !== '');
    this.drawFigures(state);
  }

  /** @param {State} state */
  drawFigures(state) {
    const figures = state.frame?.arms ?? {};
    const power = hasPower(state);
    const all = this.panels.map(({ arm }) => figures[arm.label]);
    const joules = all.map(joulesPerUnit);
    const heroes = power ? joules : all.map(unitsPerSecond);
    const view = {
      power, unit: energyUnit(joules), most: Math.max(0, ...heroes.filter(known)), reason: state.frame?.reason ?? '',
      over: ended(state), begun: state.run !== null && state.frame?.state !== 'idle',
      reasons: this.reasons,
    };
    this.panels.forEach((panel, index) => panel.drawFigures(all[index], view));
    setAttribute(byId('panels'), 'data-active', activeArm(state) ?? '');
  }

  /** @param {State} state @param {Tracks} tracks @param {number} run_t_ns @param {number} max */
  drawCharts(state, tracks, run_t_ns, max) {
    if (!hasPower(state)) return;
    const over = ended(state);
    for (const panel of this.panels) {
      const { label } = panel.arm;
      panel.drawChart(state.frame?.arms?.[label], tracks.of(label), run_t_ns, max, over);
    }
  }

  /** @param {any} plotly */
  useAxes(plotly) {
    for (const panel of this.panels) panel.chart.axes.plotly = plotly;
  }
}
