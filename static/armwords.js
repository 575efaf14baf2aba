import { count, known } from './format.js';

/** @typedef {import('./types.js').ArmFigures} ArmFigures */

const NBSP = '\u00a0';
const STATES = new Map([
  ['pending', 'waiting'], ['starting', 'starting'], ['ready', 'ready'], ['active', 'running'],
  ['resting', 'resting'], ['asleep', 'asleep'], ['failed', 'failed'], ['stopped', 'stopped'],
]);

/** What an arm is doing; while it starts: with what, and how much of that is done, where its log tells. @param {string} state @param {ArmFigures | undefined} figures */
export function stateText(state, figures) {
  const word = STATES.get(state) ?? '';
  if (state !== 'starting') return word;
  const share = figures?.progress;
  return (figures?.stage ?? word) + (known(share) ? ` ${Math.round(share * 100)}${NBSP}%` : '');
}

/** How many requests are computed at once, and whose count that is where it is not the server's own. @param {number} running @param {string | undefined} by */
export function runningText(running, by) {
  if (running === 0) return '';
  return (running === 1 ? '1 at a time' : `${count(running)} at once`) + (by ? `, by its ${by}` : '');
}
