import assert from 'node:assert/strict';
import test from 'node:test';
import { ARM, MEAN, T, Track } from '../../static/track.js';

function power(from, to, arm, mean = 100) {
  const t_ns = [];
  for (let t = from; t < to; t += 1) t_ns.push(t * 5e7);
  return { t_ns, mean: t_ns.map(() => mean), min: t_ns.map(() => mean - 5), max: t_ns.map(() => mean + 5), arm: t_ns.map(() => arm) };
}

test('an arm\'s last turn is kept as it was when the turn ended', () => {
  const track = new Track(['A', 'B']);
  track.push(power(1, 11, 'A'));
  assert.equal(track.ghosts.size, 0);
  track.push(power(11, 21, 'B'));
  const ghost = track.ghost(0);
  assert.equal(ghost.end_t_ns, 10 * 5e7);
  assert.equal(ghost.ring.last(ARM), 0);
  track.push(power(21, 5000, 'B'));
  assert.equal(track.ghost(0).ring.length, 10);
});

test('a turn that ends with nobody after it is kept when it is asked for', () => {
  const track = new Track(['A', 'B']);
  track.push(power(1, 5, 'B'));
  assert.equal(track.ghost(0), undefined);
  assert.equal(track.ghost(1).end_t_ns, 4 * 5e7);
  track.push(power(5, 7, 'B'));
  assert.equal(track.ghost(1).end_t_ns, 6 * 5e7);
});

test('repeated and late buckets are dropped', () => {
  const track = new Track(['A']);
  track.push(power(1, 5, 'A'));
  track.push(power(2, 6, 'A'));
  assert.equal(track.ring.length, 5);
  assert.equal(track.ring.last(T), 5 * 5e7);
});

test('null readings stay missing, unknown arms are nobody', () => {
  const track = new Track(['A']);
  track.push({ t_ns: [1, 2], mean: [null, 5], min: [null, 5], max: [null, 5], arm: ['Z', null] });
  assert.ok(Number.isNaN(track.ring.at(MEAN, 0)));
  assert.deepEqual([track.ring.at(ARM, 0), track.ring.at(ARM, 1)], [-1, -1]);
});

test('the peak looks at the window and at ghosts', () => {
  const track = new Track(['A', 'B']);
  track.push(power(1, 11, 'A', 300));
  track.push(power(11, 2000, 'B', 100));
  assert.equal(track.peak(1900 * 5e7), 305);
  assert.equal(new Track(['A']).peak(0), 0);
});

test('a history replaces the ring and keeps the ghosts', () => {
  const track = new Track(['A', 'B']);
  track.push(power(1, 11, 'A'));
  track.push(power(11, 21, 'B'));
  track.replace(power(15, 25, 'B'));
  assert.equal(track.ring.length, 10);
  assert.equal(track.ghost(0).end_t_ns, 10 * 5e7);
  track.replace(null);
  assert.equal(track.ring.length, 0);
});

test('a gap is longer than half a second and than five usual steps', () => {
  const track = new Track(['A']);
  track.push(power(1, 100, 'A'));
  assert.equal(Track.gap(track.ring), 5e8);
  const slow = new Track(['A']);
  slow.push({ t_ns: [0, 5e8, 10e8], mean: [1, 1, 1], min: [1, 1, 1], max: [1, 1, 1], arm: ['A', 'A', 'A'] });
  assert.equal(Track.gap(slow.ring), 2.5e9);
});

test('missing or empty power is no news', () => {
  const track = new Track(['A']);
  track.push(undefined);
  track.push({ t_ns: [], mean: [], min: [], max: [], arm: [] });
  assert.equal(track.version, 0);
});

test('what is told twice was read once', () => {
  const track = new Track(['A']);
  track.read('A', [[1, 4], [1, 5]]);
  track.read('A', [[1, 5], [2, 6]]);
  track.read('A', undefined);
  assert.deepEqual(track.prefills.get('A'), [[1, 4], [1, 5], [2, 6]]);
});
