import assert from 'node:assert/strict';
import test from 'node:test';
import { phaseDetail, phaseName, planText, progress, remaining, turns, visible } from '../../static/schedule.js';

test('the order repeats until all rounds have an arm', () => {
  assert.equal(turns(['A', 'B', 'B', 'A'], 6).join(''), 'ABBAAB');
  assert.equal(turns(['A', 'B'], null).join(''), 'AB');
  assert.equal(turns(['A', 'B', 'B', 'A'], 2).join(''), 'AB');
  assert.deepEqual(turns([], 5), []);
  assert.deepEqual(turns(undefined, 5), []);
  assert.equal(turns(['A'], 1e9).length, 1000);
});

test('a long row shows the turns around the current one', () => {
  assert.deepEqual(visible(6, 2, 12), { from: 0, to: 6 });
  assert.deepEqual(visible(28, 0, 9), { from: 0, to: 9 });
  assert.deepEqual(visible(28, 14, 9), { from: 11, to: 20 });
  assert.deepEqual(visible(28, 27, 9), { from: 19, to: 28 });
});

test('progress and countdown follow the run\'s clock', () => {
  const turn = { begun_t_ns: 38e9, ends_t_ns: 48e9 };
  assert.equal(progress(turn, 43e9), 0.5);
  assert.equal(progress(turn, 99e9), 1);
  assert.equal(progress(turn, 1e9), 0);
  assert.equal(remaining(turn, 41.2e9), '7 s');
  for (const bad of [null, {}, { begun_t_ns: 1, ends_t_ns: 1 }, { begun_t_ns: 1, ends_t_ns: null }]) {
    assert.equal(progress(bad, 43e9), 0);
  }
  assert.equal(progress(turn, NaN), 0);
  assert.equal(remaining({}, 1), '');
  assert.equal(remaining(turn, NaN), '');
});

test('phases have names for people', () => {
  const racing = { state: 'racing', run_t_ns: 41e9, schedule: { phase: 'racing', arm: 'A', ends_t_ns: 48e9 } };
  assert.equal(phaseName(racing), 'A runs');
  assert.equal(phaseName({ ...racing, run_t_ns: 49e9 }), 'A finishes');
  assert.equal(phaseName({ state: 'racing', schedule: { phase: 'cooling' } }), 'Cooling down');
  assert.equal(phaseName({ state: 'cooling', schedule: null }), 'Cooling down');
  assert.equal(phaseName({ state: 'done', schedule: { phase: 'racing', arm: 'B' } }), 'Finished');
  assert.equal(phaseName({ state: 'racing', schedule: null }), 'Racing');
  assert.equal(phaseName({ state: 'something new' }), 'something new');
  assert.equal(phaseName(null), '');
});

test('the detail is the turn, or before the first one the plan', () => {
  assert.equal(phaseDetail({ schedule: { round: 3, rounds: 12 } }, null), 'turn 3 of 12');
  assert.equal(phaseDetail({ schedule: { round: null, rounds: 12 } }, { round_seconds: 10 }), '12 turns of 10 s');
  assert.equal(phaseDetail(null, null), '');
});

test('a plan in words', () => {
  assert.equal(planText({ rounds: 28, round_seconds: 10, order: ['A', 'B', 'B', 'A'] }),
    '28 turns of 10 s in the order A B B A, about 5 minutes');
  assert.equal(planText({ rounds: 4, round_seconds: 10 }), '4 turns of 10 s, about 40 s');
  assert.equal(planText({ round_seconds: 10, order: ['A', 'B'] }), 'turns of 10 s in the order A B');
  assert.equal(planText({ order: ['A', 'B'] }), 'in the order A B');
  assert.equal(planText(null), '');
});
