import assert from 'node:assert/strict';
import test from 'node:test';
import { niceMax, SharedScale, tickLabels, ticks } from '../../static/scale.js';

test('the top is a round number that the peak fits under', () => {
  assert.deepEqual([331, 420, 699, 1050, 0.7, 100].map(niceMax), [400, 500, 800, 1500, 0.8, 100]);
  for (const none of [0, -5, NaN, Infinity]) assert.equal(niceMax(none), 100);
  for (let exponent = -2; exponent < 7; exponent += 0.013) assert.ok(niceMax(10 ** exponent) >= 10 ** exponent * (1 - 1e-8));
});

test('few ticks, from 0 to the top, all round', () => {
  assert.deepEqual(ticks(500), [0, 250, 500]);
  assert.deepEqual(ticks(600), [0, 200, 400, 600]);
  assert.deepEqual(ticks(1500), [0, 500, 1000, 1500]);
  assert.deepEqual(tickLabels([0, 250, 500]), ['0', '250', '500 W']);
});

test('it grows at once and shrinks only after a while', () => {
  const scale = new SharedScale();
  assert.equal(scale.follow(60, 0), true);
  assert.equal(scale.max, 80);
  assert.equal(scale.follow(400, 2000), true);
  assert.equal(scale.max, 500);
  assert.equal(scale.follow(60, 3500), false);
  assert.equal(scale.follow(60, 6500), true);
  assert.equal(scale.max, 80);
});

test('it changes at most once a second, and not for nothing', () => {
  const scale = new SharedScale();
  scale.follow(60, 0);
  assert.equal(scale.follow(900, 500), false);
  assert.equal(scale.follow(900, 1000), true);
  assert.equal(scale.follow(0, 99_000), false);
  assert.equal(scale.follow(900, 99_000), false);
});
