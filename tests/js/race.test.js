import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lanes } from '../../static/race.js';
import { initial } from '../../static/state.js';

const NS = 1e9;

function racing(arms, keys = {}, run = {}) {
  return {
    ...initial(),
    run: { id: 'r', title: '', power_source: 'nvml', arms: Object.keys(arms).map((label) => ({ label, name: `arm ${label}` })), ...run },
    frame: { state: 'racing', arms, schedule: { round: 3, rounds: 4, arm: 'A', begun_t_ns: 0, ends_t_ns: 10 * NS }, ...keys },
  };
}

const SLOW = { state: 'active', joules_per_token: 0.5, tokens: 1000 };
const FAST = { state: 'resting', joules_per_token: 0.1, tokens: 8000 };

test('joules are those of as much work as all arms have done', () => {
  const found = lanes(racing({ A: SLOW, B: FAST }), 5 * NS);
  assert.equal(found.caption, 'Energy for 1 000 tokens');
  assert.deepEqual(found.lanes.map(({ value }) => value), [500, 100]);
  assert.deepEqual(found.lanes.map(({ text }) => text), ['500\u00a0J', '100\u00a0J']);
});

test('the dearest reaches the end of its track when the race ends, and never falls back', () => {
  const shares = [0, 5, 10].map((seconds) => lanes(racing({ A: SLOW, B: FAST }), seconds * NS).full);
  assert.ok(shares[0] < shares[1] && shares[1] < shares[2] && shares[2] < 1);
  assert.equal(lanes(racing({ A: SLOW, B: FAST }, { state: 'done' }), 10 * NS).full, 1);
});

test('an arm without figures has none, and does not hold the others up', () => {
  const found = lanes(racing({ A: SLOW, B: { state: 'pending', joules_per_token: null, tokens: 0 } }), 0);
  assert.deepEqual(found.lanes.map(({ text }) => text), ['500\u00a0J', '—']);
  assert.equal(lanes(racing({ A: { state: 'pending' }, B: { state: 'pending' } }), 0).caption, 'Energy for the same work');
});

test('without a power sensor it is a race of speeds, and other work than tokens has its own word', () => {
  const speeds = lanes(racing({ A: { state: 'active', tokens_per_second: 280 } }, {}, { power_source: null }), 0);
  assert.equal(speeds.caption, 'Speed');
  assert.deepEqual(speeds.lanes.map(({ text }) => text), ['280']);
  const other = { state: 'active', unit: 'MB', units: 20, joules_per_unit: 3 };
  assert.equal(lanes(racing({ A: other }), 0).caption, 'Energy for 20 MB');
  assert.equal(lanes(racing({ A: other, B: FAST }), 0), null, 'megabytes and tokens do not compare');
});

test('before a run there is nothing to compare', () => {
  assert.equal(lanes(initial(), 0), null);
});
