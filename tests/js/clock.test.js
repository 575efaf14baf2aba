import assert from 'node:assert/strict';
import test from 'node:test';
import { RunClock } from '../../static/clock.js';

/** Frames every 50 ms from `from` to `to` seconds; the run goes `speed` times as fast. */
function fed(from, to, speed = 1, clock = new RunClock(), jitter = () => 0) {
  for (let t = from; t <= to + 1e-9; t += 0.05) clock.observe(t * 1000 + jitter(), (1000 + t) * 1e9, t * speed * 1e9);
  return clock;
}

test('it knows nothing before the first frame', () => {
  assert.ok(Number.isNaN(new RunClock().now(0)));
});

test('it runs on between two frames', () => {
  assert.ok(Math.abs(fed(1, 3).now(3030) - 3.03e9) < 1e6);
});

test('it follows a replay\'s speed', () => {
  const clock = fed(1, 3, 10);
  assert.ok(Math.abs(clock.rate - 10) < 0.01);
  assert.ok(Math.abs(clock.now(3040) - 30.4e9) < 2e7);
});

test('it stops soon after the frames stop', () => {
  assert.ok(fed(1, 3).now(60_000) <= 3.25e9 + 1);
});

test('late frames do not make it jump', () => {
  let step = 0;
  const clock = fed(1, 3, 1, new RunClock(), () => ((step += 1) % 5 === 0 ? 30 : 0));
  assert.ok(Math.abs(clock.now(3000) - 3e9) < 4e7);
});

test('it begins anew with another run, and has none without a run', () => {
  const clock = fed(1, 30);
  clock.observe(31_000, 1031e9, 0.1e9);
  assert.ok(Math.abs(clock.now(31_000) - 0.1e9) < 1e6);
  clock.observe(31_050, 1031.05e9, null);
  assert.ok(Number.isNaN(clock.now(31_050)));
});

test('it catches up at once after a long silence', () => {
  const clock = fed(1, 3);
  clock.observe(20_000, 1020e9, 20e9);
  assert.ok(Math.abs(clock.now(20_000) - 20e9) < 1e6);
});
