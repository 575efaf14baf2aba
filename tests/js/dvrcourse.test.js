import assert from 'node:assert/strict';
import test from 'node:test';
import { Course, areas } from '../../static/dvrcourse.js';

function power(rows, { turn = 200, from = 0 } = {}) {
  const index = Array.from({ length: rows }, (_, row) => from + row);
  return {
    t_ns: index.map((row) => (row + 1) * 5e7), mean: index.map((row) => row % 100), min: index.map((row) => (row % 100) - 1),
    max: index.map((row) => (row % 100) + 1), arm: index.map((row) => 'AB'[Math.floor(row / turn) % 2]),
  };
}

test('a short run is there row by row, and what comes twice only once', () => {
  const course = new Course();
  course.push(power(100));
  course.push(power(100, { from: 50 }));
  assert.equal(course.power.t_ns.length, 150);
  assert.equal(course.peak(), 100);
});

test('an hour is a few hundred rows, in order, with its extremes, and no row has two arms', () => {
  const course = new Course();
  for (let from = 0; from < 72_000; from += 2) course.push(power(2, { from }));
  const { t_ns, min, max, arm } = course.power;
  assert.ok(t_ns.length <= 600 && t_ns.length > 200, String(t_ns.length));
  assert.ok(t_ns.every((t, row) => row === 0 || t > t_ns[row - 1]));
  assert.equal(t_ns[t_ns.length - 1], 72_000 * 5e7);
  assert.equal(Math.min(...min), -1);
  assert.equal(Math.max(...max), 100);
  assert.ok(arm.every((label) => label === 'A' || label === 'B'));
});

test('no reading is no zero, and it is not mixed with readings', () => {
  const course = new Course();
  course.push({ t_ns: [1e6, 2e6, 3e6], mean: [5, null, 7], min: [5, null, 7], max: [5, null, 7], arm: ['A', 'A', 'A'] });
  assert.deepEqual(course.power.mean, [5, null, 7]);
});

test('a row is the mean of all that it stands for', () => {
  const course = new Course();
  for (let from = 0; from < 8000; from += 1) course.push(power(1, { from, turn: 8000 }));
  const { mean } = course.power;
  const all = mean.reduce((sum, watts, row) => sum + watts * course.weights[row], 0);
  assert.equal(course.weights.reduce((sum, weight) => sum + weight, 0), 8000);
  assert.ok(Math.abs(all / 8000 - 49.5) < 1e-6, String(all / 8000));
});

test('each arm has its own area, and time without samples has none', () => {
  const course = new Course();
  const times = Array.from({ length: 20 }, (_, second) => (second + 1) * 1e9).concat(500e9);
  const watts = times.map((t) => (t > 10e9 ? 20 : 10));
  course.push({ t_ns: times, mean: watts, min: watts, max: watts, arm: times.map((t) => (t > 100e9 ? null : t > 10e9 ? 'B' : 'A')) });
  const [a, b, nobody] = areas(course.power, ['A', 'B'], (t) => t / 1e9, (value) => 100 - value);
  assert.match(a, /^M1 100V90L1 90L2 90.*L10 90V100Z$/);
  assert.match(b, /^M10 100V80L11 80.*L20 80V100Z$/, 'it begins where the turn before it ended');
  assert.equal(nobody, 'M500 100V80L500 80V100Z', 'and not across a gap');
});
