import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reach, span } from '../../static/intervalbar.js';

test('the same is in the middle, less to the left, more to the right', () => {
  const far = reach(0.5, 2);
  const { from, to } = span(0.5, 2, far);
  assert.ok(from > 0 && to < 1 && Math.abs(from + to - 1) < 1e-9);
  assert.ok(span(0.5, 0.6, far).to < 0.5);
  assert.ok(span(1.2, 1.5, far).from > 0.5);
});

test('half and double are equally far from the same', () => {
  const far = reach(0.5, 2);
  assert.ok(Math.abs(0.5 - span(0.5, 1, far).from - (span(1, 2, far).to - 0.5)) < 1e-9);
});

test('small differences are enlarged, but not noise of a percent', () => {
  const small = span(0.99, 1.01, reach(0.99, 1.01));
  assert.ok(small.to - small.from < 0.2);
  const larger = span(0.8, 0.9, reach(0.8, 0.9));
  assert.ok(larger.to - larger.from > 0.2);
});

test('an interval wider than the scale ends at its ends', () => {
  assert.deepEqual(span(0.01, 100, Math.log(2)), { from: 0, to: 1 });
});
