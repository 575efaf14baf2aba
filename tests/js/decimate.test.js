import assert from 'node:assert/strict';
import test from 'node:test';
import { decimate, Points } from '../../static/decimate.js';
import { Ring } from '../../static/ring.js';

function ring(rows) {
  const made = new Ring(4096, 5);
  for (const row of rows) made.push(...row);
  return made;
}

test('few rows are drawn as they are', () => {
  const points = decimate(ring([[1, 10, 8, 12, 0], [2, 20, 18, 22, 0]]), 0, 10, 100, new Points(16));
  assert.equal(points.length, 2);
  assert.deepEqual([...points.mean.subarray(0, 2)], [10, 20]);
});

test('many rows become buckets that keep the extremes and the mean', () => {
  const rows = Array.from({ length: 3000 }, (_, t) => [t, t % 2, (t % 2) - 1, t === 1234 ? 900 : 5, 0]);
  const points = decimate(ring(rows), 0, 3000, 600, new Points(2048));
  assert.ok(points.length <= 601);
  assert.equal(Math.max(...points.max.subarray(0, points.length)), 900);
  assert.equal(Math.min(...points.min.subarray(0, points.length)), -1);
  assert.ok(Math.abs(points.mean[3] - 0.5) < 0.11);
});

test('a later view has the same buckets where both look', () => {
  const rows = Array.from({ length: 3000 }, (_, t) => [t, Math.sin(t), 0, 1, 0]);
  const first = decimate(ring(rows), 0, 2000, 200, new Points(2048));
  const means = new Map([...first.t.subarray(0, first.length)].map((t, index) => [t, first.mean[index]]));
  const later = decimate(ring(rows), 500, 2000, 200, new Points(2048));
  const shared = [...later.t.subarray(1, later.length - 1)].filter((t) => means.has(t));
  assert.ok(shared.length > 140);
  for (let index = 0; index < later.length; index += 1) {
    if (means.has(later.t[index])) assert.equal(later.mean[index], means.get(later.t[index]));
  }
});

test('a bucket never mixes two arms, nor a missing reading with readings', () => {
  const rows = Array.from({ length: 100 }, (_, t) => [t, t === 50 ? NaN : 1, 0, 2, t < 25 ? 0 : 1]);
  const points = decimate(ring(rows), 0, 100, 5, new Points(64));
  const arms = [...points.arm.subarray(0, points.length)];
  assert.equal(arms.indexOf(1), 2);
  const missing = [...points.mean.subarray(0, points.length)].filter(Number.isNaN);
  assert.equal(missing.length, 1);
});

test('a bucket without extremes takes its mean for them', () => {
  const points = decimate(ring([[1, 7, NaN, NaN, 0]]), 0, 10, 10, new Points(4));
  assert.deepEqual([points.min[0], points.max[0]], [7, 7]);
});

test('it never writes past its points', () => {
  const rows = Array.from({ length: 100 }, (_, t) => [t, 1, 1, 1, t % 2]);
  assert.equal(decimate(ring(rows), 0, 100, 10, new Points(8)).length, 8);
});
