import { element, setAttribute, setStyle, setText, show } from './dom.js';
import { NONE, count, energy, known, short } from './format.js';
import { progress } from './schedule.js';
import { arms, ended, hasPower, joulesPerUnit, unitsPerSecond } from './state.js';
import { secret } from './verdict.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {{label: string, name: string, slot: number, value: number | null, text: string}} Lane */
/** @typedef {{caption: string, legend: string, lanes: Lane[], full: number}} Lanes */

const LEAST = 0.3; // of the track: what the dearest arm has when the race begins, so that a ratio is seen at once

/**
 * Who spends more: the joules of every arm for the same work, which is as much as all of them have done by now. Equal
 * turns make the totals of a fast and a slow arm equal, so totals would say nothing. Without a power sensor: speeds.
 * @param {State} state @param {number} run_t_ns @returns {Lanes | null} null: there is nothing to compare
 */
export function lanes(state, run_t_ns) {
  const shown = arms(state);
  const figures = shown.map(({ label }) => state.frame?.arms?.[label]);
  const units = new Set(figures.map((each) => each?.unit ?? 'token'));
  if (!state.run || !shown.length || units.size !== 1) return null;
  const [unit] = units;
  if (!hasPower(state)) {
    const values = figures.map((each) => unitsPerSecond(each) ?? null);
    return { caption: 'Speed', legend: '', full: 1, lanes: shown.map((arm, slot) => ({ ...arm, slot, value: values[slot], text: short(values[slot]) })) };
  }
  const done = figures.map((each) => (unit === 'token' ? each?.tokens : each?.units) ?? 0);
  const joules = figures.map(joulesPerUnit);
  const work = Math.min(Infinity, ...done.filter((amount, slot) => amount > 0 && known(joules[slot])));
  const values = joules.map((each) => (known(each) && Number.isFinite(work) ? each * work : null));
  return {
    caption: Number.isFinite(work) ? `Energy for ${count(work)} ${unit}${work === 1 || unit !== 'token' ? '' : 's'}` : 'Energy for the same work',
    legend: 'What each arm takes for as much work as all of them have done by now, at its energy per '
      + `${unit} in steady state. The dearest reaches the end of its track when the race ends.`,
    lanes: shown.map((arm, slot) => ({ ...arm, slot, value: values[slot], text: energy(values[slot]) })),
    full: LEAST + (1 - LEAST) * share(state, run_t_ns),
  };
}

/** How much of the race is over, 0 to 1. @param {State} state @param {number} run_t_ns */
function share(state, run_t_ns) {
  const turn = state.frame?.schedule;
  if (ended(state) || !known(turn?.rounds) || !(turn.rounds > 0)) return 1;
  const round = turn.round ?? 0;
  const over = turn.arm ? round - 1 + progress(turn, run_t_ns) : round;
  return Math.min(1, Math.max(0, over / turn.rounds));
}

/** The lanes on the page, one below the other on one scale. */
export class Race {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.caption = element('p', 'race-caption');
    this.list = element('ul', 'race-lanes');
    root.append(this.caption, this.list);
    this.shown = '';
    /** @type {{root: HTMLElement, bar: HTMLElement, text: HTMLElement}[]} */
    this.rows = [];
  }

  /** @param {State} state @param {number} run_t_ns */
  draw(state, run_t_ns) {
    const found = secret(state) ? null : lanes(state, run_t_ns);
    show(this.root, found !== null);
    if (!found) return;
    const ordered = state.show.swapped ? [...found.lanes].reverse() : found.lanes;
    this.arrange(ordered);
    setText(this.caption, found.caption);
    setAttribute(this.root, 'title', found.legend);
    const most = Math.max(0, ...ordered.map(({ value }) => value ?? 0));
    ordered.forEach(({ value, text }, index) => {
      const width = known(value) && most > 0 ? Math.max(0.5, (value / most) * found.full * 100) : 0;
      setStyle(this.rows[index].bar, 'width', `${Math.round(width * 10) / 10}%`);
      setText(this.rows[index].text, text);
      setAttribute(this.rows[index].text, 'data-none', String(text === NONE));
    });
  }

  /** @param {Lane[]} ordered */
  arrange(ordered) {
    const key = ordered.map(({ label, name }) => `${label} ${name}`).join('\n');
    if (key === this.shown) return;
    this.shown = key;
    this.rows = ordered.map(({ label, name, slot }) => {
      const bar = element('i');
      const text = element('b', 'race-text');
      const letter = element('span', 'letter', label);
      letter.title = name;
      const root = element('li', 'race-lane', letter, element('span', 'race-track', bar), text);
      root.setAttribute('data-slot', String(slot));
      return { root, bar, text };
    });
    this.list.replaceChildren(...this.rows.map(({ root }) => root));
    setAttribute(this.root, 'data-arms', String(ordered.length));
  }
}
