/**
 * Everything the console knows, in one place: the stream's state, and what only the presenter hears.
 *
 * @typedef {import('./state.js').State} Stream
 * @typedef {{name: string, title: string, learn: string}} Entry
 * @typedef {{has_control: boolean, viewers: number, recorders: number, demos: Entry[], demo: string | null, notes: string, steps: string[]}} Desk
 * @typedef {{check: string, level: 'ok' | 'warning' | 'problem', text: string, remedy: string}} Finding
 * @typedef {{state: 'none' | 'running' | 'done' | 'failed', demo: string, ok: boolean, findings: Finding[], error: string}} Check
 * @typedef {{address: string, url: string, short: string}} Way
 * @typedef {{id: number, nickname: string, guess: number, near: boolean}} Guess `near`: one of those that the hall may see named
 *
 * @typedef {object} Present
 * @property {Stream} stream
 * @property {Desk | null} desk what the server tells the presenter, every few seconds
 * @property {boolean} shut whether this browser is no presenter's any more
 * @property {Check} check
 * @property {Way[] | null} ways by which phones can come; null before they have been told
 * @property {Guess[]} guesses to look through
 * @property {string} notice what the last action came to
 * @property {boolean} taken whether it came to nothing because another console has control
 *
 * @typedef {{type: 'stream', event: import('./state.js').Event}
 *   | {type: 'desk', desk: Desk}
 *   | {type: 'shut'}
 *   | {type: 'check', check: Partial<Check>}
 *   | {type: 'ways', ways: Way[]}
 *   | {type: 'guesses', guesses: Guess[]}
 *   | {type: 'notice', text: string, taken?: boolean}} Event
 */

import { sentence } from './badge.js';
import { duration } from './format.js';
import { initial as nothing, reduce as follow } from './state.js';

/** @returns {Present} */
export function initial() {
  return {
    stream: nothing(), desk: null, shut: false, ways: null, guesses: [], notice: '', taken: false,
    check: { state: 'none', demo: '', ok: false, findings: [], error: '' },
  };
}

/** @param {Present} state @param {Event} event @returns {Present} */
export function reduce(state, event) {
  switch (event.type) {
    case 'stream':
      return { ...state, stream: follow(state.stream, event.event) };
    case 'desk':
      return { ...state, desk: event.desk, shut: false };
    case 'shut':
      return { ...state, shut: true, desk: null };
    case 'check':
      return { ...state, check: { ...state.check, ...event.check } };
    case 'ways':
      return { ...state, ways: event.ways };
    case 'guesses':
      return { ...state, guesses: event.guesses };
    case 'notice':
      return { ...state, notice: event.text, taken: event.taken ?? false };
    default:
      return state;
  }
}

/** Who has control, and what this console can do about it. @param {Present} state */
export function holder({ stream, desk }) {
  const presenter = stream.show.presenter;
  if (!presenter) return { text: 'Nobody has control', action: 'Take control', mine: false };
  if (desk?.has_control) return { text: 'You have control', action: 'Give it up', mine: true };
  return { text: `${presenter.name} has control for ${duration(presenter.seconds_left)} more`, action: 'Take over', mine: false };
}

/** What is wrong with the race, or with the way to it, and what can be done; empty while all is well. @param {Stream} stream */
export function troubleText({ connection, why, show: { fallback } }) {
  if (connection === 'reconnecting' || connection === 'closed') {
    return ['The server cannot be reached: this is what it said last', why].filter(Boolean).join('; ');
  }
  if (!fallback?.why) return '';
  const help = fallback.on ? 'The recording is on the screens.'
    : fallback.available ? 'The panic key (R) puts the recording on the screens.' : 'There is no recording of this demo.';
  return `${sentence(fallback.why).replace(/\.$/, '')}. ${help}`;
}

/** What is wrong with the way in that the screens show: its network has gone. @param {Present} state */
export function wayText({ ways, stream: { show: { join } } }) {
  if (!join?.shown || !ways || ways.some(({ url }) => host(url) === host(join.url))) return '';
  const help = ways.length ? 'Show the code again for an address that it has.' : 'Join a network, and show the code again.';
  return `Phones cannot come by ${join.short} any more: this machine has left that network. ${help}`;
}

/** Another port is a proxy's. @param {string} url */
function host(url) {
  return new URL(url).hostname;
}

/** The findings that need a look, the gravest first, and those that do not. @param {Finding[]} findings */
export function sorted(findings) {
  const weights = ['problem', 'warning', 'ok'];
  const by = weights.map((level) => findings.filter((finding) => finding.level === level));
  return { open: [...by[0], ...by[1]], fine: by[2] };
}

/** What the check came to. @param {Check} check */
export function checkText({ state, ok, findings, error }) {
  if (state === 'none') return 'Nothing has been checked yet. It takes about five seconds.';
  if (state === 'running') return 'Checking devices, arms, disk and network';
  if (state === 'failed') return error;
  const { open } = sorted(findings);
  const problems = open.filter(({ level }) => level === 'problem').length;
  if (!ok) return `${counted(problems, 'thing')} must be put right before this demo can race here.`;
  return open.length ? `It can race. ${counted(open.length, 'thing')} will make its figures doubtful.` : 'All is well: it can race.';
}

/** Who is there. @param {Present} state */
export function whoText({ desk }) {
  if (!desk) return '';
  const { viewers, recorders } = desk;
  const watching = viewers === 1 ? 'Only this console is watching' : `${viewers} browsers are watching, consoles among them`;
  return recorders ? `${watching}, ${counted(recorders, 'program')} ${recorders === 1 ? 'copies' : 'copy'} the recording` : watching;
}

/** @param {number} number @param {string} noun */
function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
