import { ageText, badges, drawBadges, noticeText } from './badge.js';
import { BetForm } from './betform.js';
import { byId, element, say, setAttribute, setText, show } from './dom.js';
import { energyUnit, temperature } from './format.js';
import { LoadForm } from './loadform.js';
import { Reasons } from './reasons.js';
import { phaseDetail, phaseName, remaining } from './schedule.js';
import { arms, ended, hasPower, joulesPerUnit } from './state.js';
import { secret, verdictLine } from './verdict.js';
import { ViewArm } from './viewarm.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./feed.js').Feed} Feed */

const SPEAK_EVERY_MS = 15_000;
const EXPLAIN_EVERY_MS = 15_000;
const EXPLAIN_SPREAD_MS = 2000;

/** The phone's page: what the hall sees, what it may guess and ask; drawn from the feed and nothing else. */
export class ViewPage {
  constructor() {
    this.reasons = new Reasons();
    this.bet = new BetForm(byId('bet'));
    this.load = new LoadForm(byId('load'));
    this.letter = element('span', 'letter');
    this.words = element('span');
    this.note = element('p', 'view-verdict-note');
    byId('verdict').append(element('p', 'view-verdict-text', this.letter, this.words), this.note);
    /** @type {ViewArm[]} */
    this.arms = [];
    this.shown = '';
    this.spokenMs = -Infinity;
    this.secret = false;
    this.explainMs = -Infinity;
  }

  /** @param {Feed} feed @param {number} nowMs @param {import('./dvr.js').Dvr} dvr */
  draw(feed, nowMs, dvr) {
    const { state } = feed;
    const run_t_ns = feed.clock.now(nowMs);
    this.arrange(state);
    this.drawTop(state, nowMs);
    this.drawVerdict(state);
    this.bet.draw(state.show.bet, secret(state) ? {} : state.frame?.arms ?? {});
    this.load.draw(state.show.load, nowMs);
    this.drawArms(feed, run_t_ns, nowMs, dvr);
    const left = remaining(state.frame?.schedule, run_t_ns);
    const phase = [phaseName(state.frame), phaseDetail(state.frame, state.run?.schedule), ended(state) ? '' : left];
    setText(byId('phase'), phase.filter(Boolean).join(' · '));
    setText(byId('device'), [state.run?.device, temperature(state.frame?.temperature_celsius)].filter(Boolean).join(' · '));
    this.speak(state, nowMs);
  }

  /** Makes the arms' cards anew when others are to be shown. @param {State} state */
  arrange(state) {
    const list = arms(state);
    const key = JSON.stringify([state.run?.id, list, state.show.swapped]);
    if (key === this.shown) return;
    this.shown = key;
    for (const arm of this.arms) arm.remove();
    this.arms = list.map((arm, slot) => new ViewArm(arm, slot));
    const placed = state.show.swapped ? [...this.arms].reverse() : this.arms;
    byId('arms').append(...placed.map(({ root }) => root));
    setAttribute(byId('arms'), 'data-arms', String(list.length));
  }

  /** @param {State} state @param {number} nowMs */
  drawTop(state, nowMs) {
    setAttribute(document.body, 'data-state', state.frame?.state ?? 'none');
    setText(byId('title'), state.run?.title ?? state.demo?.title ?? 'wattrace');
    drawBadges(byId('badges'), badges(state, nowMs));
    setText(byId('age'), ageText(state, nowMs));
    say(byId('notice'), noticeText(state, nowMs));
  }

  /** @param {State} state */
  drawVerdict(state) {
    const line = verdictLine(state);
    const slot = line.arm === null ? -1 : arms(state).findIndex(({ label }) => label === line.arm);
    setAttribute(byId('verdict'), 'data-tone', line.tone);
    setAttribute(byId('verdict'), 'data-slot', String(slot));
    show(this.letter, slot >= 0);
    setText(this.letter, line.arm ?? '');
    setText(this.words, line.arm === null ? line.text : line.text.slice(line.arm.length + 1));
    say(this.note, line.note);
  }

  /** @param {Feed} feed @param {number} run_t_ns @param {number} nowMs @param {import('./dvr.js').Dvr} dvr */
  drawArms(feed, run_t_ns, nowMs, dvr) {
    const { state, tracks } = feed;
    const figures = state.frame?.arms ?? {};
    const power = hasPower(state);
    const view = {
      power, unit: energyUnit(this.arms.map(({ arm }) => joulesPerUnit(figures[arm.label]))), secret: secret(state),
      begun: state.run !== null && state.frame?.state !== 'idle', over: ended(state), reasons: this.reasons,
      reason: state.frame?.reason ?? '',
    };
    this.explain(Object.values(figures).flatMap(({ reasons }) => reasons ?? []), nowMs);
    const picture = dvr.look({ state, tracks, run_t_ns, max: feed.top(run_t_ns, nowMs) }, state, nowMs);
    for (const arm of this.arms) {
      arm.drawFigures(figures[arm.arm.label], view);
      if (power) arm.drawChart(figures[arm.arm.label], picture.tracks.of(arm.arm.label), picture.run_t_ns, picture.max, view.over);
    }
  }

  /**
   * Asks what the codes mean once there is one to explain, and not in the same moment as 500 others.
   * @param {string[]} codes @param {number} nowMs
   */
  explain(codes, nowMs) {
    if (nowMs < this.explainMs || !this.reasons.happened(codes).length) return;
    this.explainMs = nowMs + EXPLAIN_EVERY_MS;
    setTimeout(() => this.reasons.load(), Math.random() * EXPLAIN_SPREAD_MS);
  }

  /** Now and then a sentence for those who do not see the page. @param {State} state @param {number} nowMs */
  speak(state, nowMs) {
    if (secret(state) === this.secret && nowMs - this.spokenMs < SPEAK_EVERY_MS) return;
    this.secret = secret(state);
    const sentence = `${phaseName(state.frame)}. ${verdictLine(state).text}.`;
    if (sentence === byId('speech').textContent) return;
    this.spokenMs = nowMs;
    setText(byId('speech'), sentence);
  }
}
