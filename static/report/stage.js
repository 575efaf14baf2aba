import { badges, drawBadges } from '../badge.js';
import { byId, say, setAttribute } from '../dom.js';
import { equivalents } from '../equivalents.js';
import { energyUnit, temperature } from '../format.js';
import { Panel } from '../panel.js';
import { niceMax } from '../scale.js';
import { arms, ended, hasPower, joulesPerUnit } from '../state.js';
import { TurnRow } from '../turnrow.js';
import { VerdictLine } from '../verdict.js';

/** @typedef {import('../state.js').State} State */
/** @typedef {import('../reasons.js').Reasons} Reasons */
/** @typedef {import('./tape.js').Tape} Tape */

/** The first screen of a report: the live page's own parts, drawn from what was recorded. */
export class Stage {
  /** @param {State} state @param {Reasons} reasons @param {string} cut why the recording is not whole, if it is not */
  constructor(state, reasons, cut) {
    this.reasons = reasons;
    this.cut = cut;
    /** watts at the charts' top: the same through the whole race */
    this.max = 0;
    byId('verdict').replaceChildren();
    this.verdict = new VerdictLine(byId('verdict'));
    this.turns = new TurnRow(byId('schedule'));
    this.panels = arms(state).map((arm, slot) => new Panel(arm, slot));
    byId('panels').append(...this.panels.map(({ root }) => root));
    byId('panels').setAttribute('data-arms', String(this.panels.length));
  }

  /** All words and digits. @param {State} state @param {number} nowMs @param {number} t_ns */
  drawText(state, nowMs, t_ns) {
    setAttribute(document.body, 'data-state', state.frame?.state ?? 'none');
    const shown = badges(state, nowMs);
    drawBadges(byId('badges'), this.cut ? [...shown, { kind: 'stale', text: 'CUT' }] : shown);
    say(byId('device'), [state.run?.device, temperature(state.frame?.temperature_celsius)].filter(Boolean).join('  '));
    this.verdict.draw(state, this.panels.map(({ arm }) => arm.label));
    this.turns.draw(state, t_ns, this.panels.map(({ arm }) => arm.label));
    this.drawFigures(state);
  }

  /** @param {State} state */
  drawFigures(state) {
    const all = this.panels.map(({ arm }) => state.frame?.arms?.[arm.label]);
    const joules = all.map(joulesPerUnit);
    const equal = equivalents(joules, all.find((each) => each?.unit)?.unit);
    const view = {
      power: hasPower(state), unit: energyUnit(joules), secret: false, reason: state.frame?.reason ?? '',
      over: ended(state), begun: true, reasons: this.reasons,
    };
    this.panels.forEach((panel, index) => panel.drawFigures(all[index], view, equal[index]));
  }

  /** @param {State} state @param {Tape} tape @param {number} t_ns */
  drawCharts(state, tape, t_ns) {
    if (!hasPower(state)) return;
    if (!this.max) this.max = niceMax(tape.peak() * 1.06);
    for (const panel of this.panels) {
      const { label } = panel.arm;
      panel.drawChart(state.frame?.arms?.[label], tape.tracks.of(label), t_ns, this.max, ended(state));
    }
  }
}
