import assert from 'node:assert/strict';
import test from 'node:test';
import { wanted } from '../../static/recall.js';
import { ARM, Track } from '../../static/track.js';

test('the last turns of resting arms are asked for, and nothing else', () => {
  const arms = {
    A: { state: 'resting', steady_t_ns: [40e9, 50e9] },
    B: { state: 'active', steady_t_ns: [60e9, null] },
    C: { state: 'ready' },
  };
  assert.deepEqual(wanted({ arms }), [{ label: 'A', query: 'from=20000000000&to=53000000000&points=400&arm=A' }]);
  assert.deepEqual(wanted({ arms: { A: { state: 'resting', steady_t_ns: [1e9, 5e9] } } })[0].query.startsWith('from=0&'), true);
  assert.deepEqual(wanted(null), []);
});

function power(from, to, arm) {
  const t_ns = [];
  for (let t = from; t < to; t += 1) t_ns.push(t * 1e9);
  return { t_ns, mean: t_ns.map(() => 100), min: t_ns.map(() => 90), max: t_ns.map(() => 110), arm: t_ns.map((t) => (t < 15e9 ? null : arm)) };
}

test('a turn that was over before the page came is shown whole, up to its end', () => {
  const track = new Track(['A', 'B']);
  const past = power(1, 30, 'A');
  past.arm[27] = 'B';
  past.arm[28] = 'B';
  track.recall(0, past);
  const ghost = track.ghost(0);
  assert.equal(ghost.end_t_ns, 27e9);
  assert.equal(ghost.ring.length, 27);
  assert.equal(ghost.ring.last(ARM), 0);
  track.recall(1, power(1, 10, 'A'));
  assert.equal(track.ghost(1), undefined);
});

test('a picture that this page has seen itself is not replaced by an older one', () => {
  const track = new Track(['A', 'B']);
  track.push(power(40, 80, 'A'));
  track.push(power(80, 82, 'B'));
  const seen = track.ghost(0);
  track.recall(0, power(1, 30, 'A'));
  assert.equal(track.ghost(0), seen);
});
