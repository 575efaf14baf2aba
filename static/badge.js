import { element, setAttribute, setText } from './dom.js';
import { day, duration, known } from './format.js';
import { behindText, ended, hasGaps } from './state.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {{kind: string, text: string}} Badge */

export const STALE_S = 1;
const DEAD_S = 2; // so long without a sample, a sensor is taken for dead
const UNSEEN = 'The sensor did not answer at this point of the recording';

/** How long ago the newest frame came to this browser, in seconds. @param {State} state @param {number} nowMs */
function silence(state, nowMs) {
  return state.frame ? Math.max(0, (nowMs - state.frameAtMs) / 1000) : null;
}

/**
 * The age of what is on screen: the newest sample's age when its frame was made, and the time since. Where there is no
 * sensor it is the frame's own age.
 * @param {State} state
 * @param {number} nowMs
 */
export function age(state, nowMs) {
  const waited = silence(state, nowMs);
  if (waited === null) return null;
  const sample = state.frame?.age_ns;
  return waited + (known(sample) ? sample / 1e9 : 0);
}

/**
 * What a picture is that the presenter holds still: nothing of it is live any more.
 * @param {State} held what it was made of @param {State} state @returns {Badge[]}
 */
export function heldBadges({ frame }, { connection }) {
  const list = [{ kind: 'frozen', text: 'FROZEN' }];
  if (frame?.simulated) list.push({ kind: 'simulated', text: 'SIMULATED' });
  if (frame?.replay) list.push({ kind: 'replay', text: 'REPLAY' });
  if (connection !== 'open') list.push({ kind: 'offline', text: 'OFFLINE' });
  return list;
}

/**
 * What the picture is. A run that has ended is a result, not a stale picture, as long as frames still come.
 * @param {State} state
 * @param {number} nowMs
 * @returns {Badge[]}
 */
export function badges(state, nowMs) {
  const list = [];
  const { frame, connection } = state;
  if (frame?.simulated) list.push({ kind: 'simulated', text: 'SIMULATED' });
  if (frame?.replay) list.push({ kind: 'replay', text: replayText(state) });
  if (connection === 'closed') return [...list, { kind: 'offline', text: 'OFFLINE' }];
  if (connection === 'reconnecting') {
    // Beside a recording that this page plays the title needs the room, and whether the server is back is said elsewhere.
    return [...list, { kind: 'offline', text: frame?.replay ? 'OFFLINE' : 'OFFLINE, reconnecting' }];
  }
  const waited = silence(state, nowMs);
  const old = age(state, nowMs);
  if (waited === null || old === null) return [{ kind: 'offline', text: 'CONNECTING' }];
  const over = ended(state) || frame?.state === 'idle';
  if (waited > STALE_S || (old > STALE_S && !over)) return [...list, { kind: 'stale', text: `STALE ${duration(old)}` }];
  if (ended(state)) return [...list, { kind: 'ended', text: 'ENDED' }];
  return list.length ? list : [{ kind: 'live', text: 'LIVE' }];
}

/** The age beside the badges; of a recording, when that was made. @param {State} state @param {number} nowMs */
export function ageText(state, nowMs) {
  const old = age(state, nowMs);
  if (old === null) return '';
  if (state.frame?.replay && state.run?.utc) return `recorded ${day(state.run.utc)}`;
  if (ended(state) && (silence(state, nowMs) ?? 0) <= STALE_S) return finalText(state);
  return old < 0.1 ? 'data < 0.1 s old' : `data ${duration(old)} old`;
}

/** What the figures of a run that has ended are worth. @param {State} state */
function finalText(state) {
  if (state.frame?.state === 'failed') return 'figures until it failed';
  return hasGaps(state) ? 'final figures, with gaps' : 'final figures';
}

/**
 * The sentence that a page must say beside its badges, the gravest first: what a command came to, why nothing comes,
 * what is wrong with the race on screen, or that this connection is slow.
 * @param {State} state what is known now, however old the picture @param {number} nowMs
 */
export function noticeText(state, nowMs) {
  if (state.notice) return state.notice;
  return state.connection === 'open' ? troubleText(state) || behindText(state, nowMs) : state.why;
}

/**
 * What is wrong with what the hall sees. The race behind a recording is the presenter's affair; that the run has
 * failed, and why, is the verdict's line already.
 * @param {State} state
 */
function troubleText(state) {
  const { show: { fallback }, frame } = state;
  if (frame?.replay && known(frame.age_ns) && frame.age_ns > DEAD_S * 1e9 && !ended(state)) return UNSEEN;
  if (!fallback?.why || fallback.on || frame?.state === 'failed') return '';
  return sentence(fallback.why);
}

/** @param {string} text */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {State} state */
function replayText({ run, speed }) {
  if (run?.replay?.paused) return 'REPLAY, paused';
  return speed === 1 ? 'REPLAY' : `REPLAY ${speed}×`;
}

/** Shows badges in a list. @param {HTMLElement} list @param {Badge[]} shown */
export function drawBadges(list, shown) {
  while (list.children.length > shown.length) list.lastElementChild?.remove();
  while (list.children.length < shown.length) list.append(element('li', 'badge'));
  shown.forEach((badge, index) => {
    setAttribute(list.children[index], 'data-kind', badge.kind);
    setText(list.children[index], badge.text);
  });
}
