import { ageText, badges, drawBadges, heldBadges, noticeText } from './badge.js';
import { Control } from './control.js';
import { byId, say, setAttribute, setText } from './dom.js';
import { equivalents } from './equivalents.js';
import { duration, energyUnit, known, temperature } from './format.js';
import { Panel } from './panel.js';
import { Race } from './race.js';
import { Reasons } from './reasons.js';
import { SensorPanel } from './sensorpanel.js';
import { StageCard } from './stagecard.js';
import { activeArm, arms, ended, hasPower, joulesPerUnit } from './state.js';
import { Summary } from './summary.js';
import { Tone, side } from './tone.js';
import { Tools, keepAwake } from './tools.js';
import { TurnRow } from './turnrow.js';
import { VerdictLine, secret } from './verdict.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Event} Event */
/** @typedef {import('./tracks.js').Tracks} Tracks */
/** @typedef {{state: State, tracks: Tracks, run_t_ns: number, max: number, nowMs: number}} Picture what a picture is made of */

/** Words and digits come in so many portions: all at once they would take as long as three pictures of the charts. */
export const PORTIONS = 4;

/** The page's parts, each drawn from the state. */
export class Page {
  /** @param {(event: Event) => void} dispatch */
  constructor(dispatch) {
    this.verdict = new VerdictLine(byId('verdict'));
    this.race = new Race(byId('race'));
    this.turns = new TurnRow(byId('schedule'));
    this.control = new Control(byId('control'), dispatch);
    this.summary = new Summary(byId('figures'), byId('speech'));
    this.reasons = new Reasons();
    this.sensor = new SensorPanel(byId('sensor'));
    /** @type {Panel[]} */
    this.panels = [];
    this.shown = '';
    /** @type {StageCard | undefined} */
    this.stageCard = undefined;
    /** @type {((watts: number | null, max: number, slot: number, arms: number) => void) | undefined} */
    this.hum = undefined;
  }

  /** Makes what the first picture can do without. */
  complete() {
    this.stageCard = new StageCard(byId('stagecard'));
    const tone = new Tone();
    new Tools(byId('tools'), byId('figurebox'), tone);
    this.hum = (watts, max, slot, arms) => tone.follow(watts, max, side(slot, arms));
    keepAwake();
  }

  /** Makes the panels anew when other arms are to be shown. True when it did. @param {State} state */
  arrange(state) {
    const list = arms(state);
    const key = JSON.stringify([state.run?.id, list, state.show.swapped]);
    if (key === this.shown) return false;
    this.shown = key;
    for (const panel of this.panels) panel.remove();
    this.panels = list.map((arm, slot) => new Panel(arm, slot));
    const root = byId('panels');
    const placed = state.show.swapped ? [...this.panels].reverse() : this.panels;
    root.append(...placed.map(({ root: panel }) => panel));
    root.setAttribute('data-arms', String(list.length));
    return true;
  }

  /**
   * Words and digits: all of them, or one portion.
   * @param {Picture} picture @param {State} now what is known at this moment, however old the picture @param {number} nowMs
   * @param {number} [portion] 0: what stands above the panels; 1: below and beside them; from 2 on: some of the panels
   */
  drawText(picture, now, nowMs, portion) {
    if (!portion) this.drawAbove(picture, now, nowMs);
    if (portion === undefined || portion === 1) this.drawBelow(picture, now, nowMs);
    if (portion === undefined || portion > 1) this.drawFigures(picture.state, portion);
  }

  /** @param {Picture} picture @param {State} now @param {number} nowMs */
  drawAbove(picture, now, nowMs) {
    const { state } = picture;
    const { frame, run, demo } = state;
    setAttribute(document.body, 'data-state', frame?.state ?? 'none');
    setText(byId('title'), run?.title ?? demo?.title ?? 'wattrace');
    setText(byId('learn'), run?.learn ?? demo?.learn ?? '');
    const held = now.show.frozen;
    drawBadges(byId('badges'), held ? heldBadges(state, now) : badges(state, nowMs));
    say(byId('age'), held ? `held ${duration((nowMs - picture.nowMs) / 1000)}` : ageText(state, nowMs));
    say(byId('device'), [run?.device, temperature(frame?.temperature_celsius)].filter(Boolean).join('  '));
    this.verdict.draw(state, this.panels.map(({ arm }) => arm.label));
    this.race.draw(state, picture.run_t_ns);
  }

  /** @param {Picture} picture @param {State} now @param {number} nowMs */
  drawBelow(picture, now, nowMs) {
    const { state } = picture;
    this.turns.draw(state, picture.run_t_ns, this.panels.map(({ arm }) => arm.label));
    this.control.draw(now);
    if (this.stageCard) { // what the first picture can do without
      this.sensor.draw(state, this.reasons, now.show.frozen ? picture.nowMs : nowMs);
      this.summary.draw(state, nowMs);
      this.stageCard.draw(state.show, state.frame?.arms ?? {}, Boolean(state.frame?.replay));
    }
    say(byId('notice'), noticeText(now, nowMs));
  }

  /** @param {State} state @param {number} [portion] without it all of them */
  drawFigures(state, portion) {
    const figures = state.frame?.arms ?? {};
    const power = hasPower(state);
    const all = this.panels.map(({ arm }) => figures[arm.label]);
    const joules = all.map(joulesPerUnit);
    const equal = equivalents(joules, all.find((each) => each?.unit)?.unit);
    const view = {
      power, unit: energyUnit(joules), secret: secret(state), reason: state.frame?.reason ?? '',
      over: ended(state), begun: state.run !== null && state.frame?.state !== 'idle',
      reasons: this.reasons,
    };
    const each = portion ? Math.ceil(this.panels.length / (PORTIONS - 2)) : this.panels.length;
    const from = portion ? (portion - 2) * each : 0;
    this.panels.slice(from, from + each).forEach((panel, place) => panel.drawFigures(all[from + place], view, equal[from + place]));
    setAttribute(byId('panels'), 'data-active', activeArm(state) ?? '');
  }

  /** @param {Picture} picture */
  drawCharts({ state, tracks, run_t_ns, max }) {
    if (!hasPower(state)) return;
    const over = ended(state);
    for (const panel of this.panels) {
      const { label } = panel.arm;
      panel.drawChart(state.frame?.arms?.[label], tracks.of(label), run_t_ns, max, over);
    }
  }

  /** The arm that runs, for those who listen; silent when nothing new is to be told. @param {Picture} picture @param {State} now @param {number} nowMs */
  sound({ state, tracks, max }, now, nowMs) {
    const label = activeArm(state) ?? '';
    const watts = tracks.of(label)?.newest();
    const silent = now.show.frozen || ended(state) || !known(watts) || badges(now, nowMs).some(({ kind }) => kind === 'stale' || kind === 'offline');
    this.hum?.(silent ? null : watts, max, tracks.labels.indexOf(label), tracks.labels.length);
  }

  /** Whether any chart shows a line. */
  charted() {
    return this.panels.some(({ chart }) => chart.trace.charted);
  }

  /** @param {any} plotly */
  useAxes(plotly) {
    for (const panel of this.panels) panel.chart.axes.plotly = plotly;
  }
}
