import { countdown, duration, known } from './format.js';

/** @typedef {import('./types.js').Turn} Turn */
/** @typedef {import('./types.js').Plan} Plan */
/** @typedef {import('./types.js').Frame} Frame */

/**
 * Whose turn each round is: the order, repeated until all rounds have an arm.
 * @param {string[] | null | undefined} order
 * @param {number | null | undefined} rounds
 */
export function turns(order, rounds) {
  if (!order?.length) return [];
  const total = known(rounds) && rounds > 0 ? Math.min(rounds, 1000) : order.length;
  return Array.from({ length: total }, (_, index) => order[index % order.length]);
}

/**
 * One entry for each turn, whose arm it is; where all arms run at once (`mode` parallel or shared), one for each block
 * of rounds, which is everybody's.
 * @param {import('./types.js').Plan | null | undefined} plan
 * @param {number | null | undefined} rounds
 */
export function entries(plan, rounds) {
  const all = turns(plan?.order, rounds);
  if (plan?.mode !== 'parallel' && plan?.mode !== 'shared') return { names: all, each: 1 };
  const each = new Set(plan.order).size;
  return { names: all.slice(0, Math.ceil(all.length / each)).map(() => ''), each };
}

/**
 * The part of a long row that fits: `room` turns around the current one.
 * @param {number} total
 * @param {number} current index of the current turn
 * @param {number} room
 */
export function visible(total, current, room) {
  if (total <= room) return { from: 0, to: total };
  const from = Math.min(Math.max(0, current - Math.floor(room / 3)), total - room);
  return { from, to: from + room };
}

/** How much of the current span is over, 0 to 1. @param {Turn | null | undefined} turn @param {number} run_t_ns */
export function progress(turn, run_t_ns) {
  if (!known(turn?.begun_t_ns) || !known(turn?.ends_t_ns) || !known(run_t_ns)) return 0;
  const span = turn.ends_t_ns - turn.begun_t_ns;
  if (!(span > 0)) return 0;
  return Math.min(1, Math.max(0, (run_t_ns - turn.begun_t_ns) / span));
}

/** @param {Turn | null | undefined} turn @param {number} run_t_ns */
export function remaining(turn, run_t_ns) {
  if (!known(turn?.ends_t_ns) || !known(run_t_ns)) return '';
  return countdown((turn.ends_t_ns - run_t_ns) / 1e9);
}

const PHASES = new Map([
  ['idle', 'Ready'],
  ['preparing', 'Preparing'],
  ['warming', 'Warming up'],
  ['baseline', 'Idle baseline'],
  ['cooling', 'Cooling down'],
  ['done', 'Finished'],
  ['failed', 'Failed'],
  ['aborted', 'Stopped'],
]);

/** What is happening now, in a word or three. @param {Frame | null} frame */
export function phaseName(frame) {
  if (!frame) return '';
  const turn = frame.schedule;
  const phase = frame.state === 'racing' ? turn?.phase ?? 'racing' : frame.state;
  if (phase !== 'racing') return PHASES.get(phase) ?? phase;
  if (!turn?.arm || turn.arms) return 'Racing';
  // Time is up, but the answers that have begun are let finish.
  const over = known(turn.ends_t_ns) && known(frame.run_t_ns) && frame.run_t_ns > turn.ends_t_ns;
  return over ? `${turn.arm} finishes` : `${turn.arm} runs`;
}

/** Where the run is. @param {Frame | null} frame @param {Plan | null | undefined} plan */
export function phaseDetail(frame, plan) {
  const turn = frame?.schedule;
  if (known(turn?.round) && turn.round > 0 && known(turn.rounds)) return `turn ${turn.round} of ${turn.rounds}`;
  const rounds = turn?.rounds ?? plan?.rounds;
  return known(rounds) ? `${rounds} turns${each(plan)}` : '';
}

/** @param {Plan | null | undefined} plan */
function each(plan) {
  return known(plan?.round_seconds) ? ` of ${plan.round_seconds} s` : '';
}

/** What a run of this plan will be, before it has begun. @param {Plan | null | undefined} plan */
export function planText(plan) {
  if (!plan) return '';
  const order = plan.order?.length ? ` in the order ${plan.order.slice(0, 8).join(' ')}` : '';
  if (!known(plan.round_seconds)) return order.trim();
  if (!known(plan.rounds)) return `turns of ${plan.round_seconds} s${order}`;
  const total = plan.rounds * plan.round_seconds;
  return `${plan.rounds} turns of ${plan.round_seconds} s${order}, ${about(total)}`;
}

/** @param {number} seconds */
function about(seconds) {
  return seconds < 99 ? `about ${duration(seconds)}` : `about ${Math.max(2, Math.round(seconds / 60))} minutes`;
}
