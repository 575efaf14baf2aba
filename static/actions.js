import { post, takeControl } from './desk.js';
import { ended } from './state.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {{path: string, body: object, confirm?: string, urgent?: true}} Request `urgent`: it takes control where another console has it */

const CONFIRM_MS = 4000;
const URGENT_SECONDS = 6; // nobody on a stage waits longer: the key works again then

/** The state of the race itself, which may be off the screen while a recording plays. @param {State} state */
export function raceState(state) {
  return state.show.fallback?.live || (state.frame?.state ?? 'idle');
}

/** Whether something runs that can be stopped. @param {State} state */
export function busy(state) {
  const live = state.show.fallback?.live;
  if (live) return !['idle', 'done', 'failed', 'aborted'].includes(live);
  return state.frame !== null && state.frame.state !== 'idle' && !ended(state);
}

/** Whether what is on screen is a recording. @param {State} state */
export function replaying(state) {
  return Boolean(state.frame?.replay);
}

/**
 * What an action asks of the server as things are now; null where it makes no sense.
 * @param {string} name @param {State} state @returns {Request | null}
 */
export function request(name, state) {
  const { show } = state;
  switch (name) {
    case 'toggle':
      if (!busy(state)) return { path: 'api/run/start', body: {} };
      return { path: 'api/run/stop', body: {}, confirm: replaying(state) && !show.fallback ? undefined : 'Stop the race?' };
    case 'next':
      if (replaying(state)) return { path: 'api/replay', body: { step: 'next' } };
      return busy(state) ? { path: 'api/run/next', body: {} } : null;
    case 'back':
      return replaying(state) ? { path: 'api/replay', body: { step: 'previous' } } : null;
    case 'swap':
      return { path: 'api/show/swap', body: { swapped: !show.swapped } };
    case 'freeze':
      return { path: 'api/show/freeze', body: { frozen: !show.frozen } };
    case 'verdict':
      return { path: 'api/show/verdict', body: { hidden: !show.verdict_hidden } };
    case 'fallback':
      if (show.fallback?.on) return { path: 'api/show/fallback', body: { to: 'live' }, confirm: 'Back to live?' };
      return show.fallback?.available ? { path: 'api/show/fallback', body: { to: 'replay' }, urgent: true } : null;
    default:
      return null;
  }
}

/** Does what is asked; what cannot be undone only when it is asked twice within some seconds. */
export class Actions {
  /** @param {() => State} state @param {(answer: import('./desk.js').Answer) => void} answered */
  constructor(state, answered) {
    this.state = state;
    this.answered = answered;
    this.armed = { name: '', untilMs: -Infinity };
    /** The action that the server has not answered yet: a recording takes a moment to stand ready. */
    this.waiting = '';
  }

  /** What to ask before the action is done, while it waits to be asked again. @param {string} name @param {number} nowMs */
  question(name, nowMs) {
    return this.armed.name === name && nowMs < this.armed.untilMs ? request(name, this.state())?.confirm ?? '' : '';
  }

  /** @param {string} name @returns {Promise<import('./desk.js').Answer | null>} null: nothing was asked of the server */
  async act(name) {
    const wanted = request(name, this.state());
    if (!wanted || this.waiting === name) return null;
    const nowMs = performance.now();
    if (wanted.confirm && !this.question(name, nowMs)) {
      this.armed = { name, untilMs: nowMs + CONFIRM_MS };
      return null;
    }
    this.armed = { name: '', untilMs: -Infinity };
    this.waiting = name;
    const seconds = wanted.urgent ? URGENT_SECONDS : undefined;
    let answer = await post(wanted.path, wanted.body, seconds);
    if (wanted.urgent && answer.holder !== null && (await takeControl(true)).ok) answer = await post(wanted.path, wanted.body, seconds);
    this.waiting = '';
    this.answered(answer);
    return answer;
  }
}
