import assert from 'node:assert/strict';
import test from 'node:test';
import { AGAIN_MS, Past } from '../../static/dvrpast.js';
import { readingAt, readingText } from '../../static/dvrread.js';
import { Track } from '../../static/track.js';

const S = 1e9;
const answer = (run, from = 0, to = 100) => ({
  run, t_ns: [from * S, to * S], mean: [100, 200], min: [90, 190], max: [110, 210], arm: ['A', 'B'],
});

test('a part is asked for once, with room on each side', async () => {
  const asked = [];
  const past = new Past(async (query) => { asked.push(query); return answer('r'); });
  past.begin('r', ['A', 'B'], 'alternate');
  await past.want({ from: 40 * S, to: 70 * S }, 200 * S);
  assert.deepEqual(asked, [`from=${10 * S}&to=${100 * S}&points=1800`]);
  await past.want({ from: 20 * S, to: 50 * S }, 200 * S);
  await past.want({ from: 60 * S, to: 90 * S }, 200 * S);
  assert.equal(asked.length, 1, 'small moves need no answer');
  await past.want({ from: 60 * S, to: 62 * S }, 200 * S);
  assert.equal(asked.length, 2, 'a closer look needs finer rows');
  assert.equal(past.kept.tracks.of('A').ring.length, 2);
});

test('what was still happening is asked for again once it has happened', async () => {
  let count = 0;
  const past = new Past(async () => { count += 1; return answer('r'); });
  past.begin('r', ['A', 'B'], 'alternate');
  await past.want({ from: 70 * S, to: 100 * S }, 100 * S);
  await past.want({ from: 70 * S, to: 100 * S }, 130 * S);
  assert.equal(count, 1);
  await past.want({ from: 90 * S, to: 120 * S }, 130 * S);
  assert.equal(count, 2);
});

test('an answer about another run, or none, is not shown', async () => {
  let [reply, nowMs, count] = [answer('another'), 0, 0];
  const past = new Past(async () => { count += 1; return reply; }, () => nowMs);
  past.begin('r', ['A', 'B'], 'alternate');
  await past.want({ from: 0, to: 30 * S }, 100 * S);
  assert.equal(past.kept, null);
  reply = null;
  await past.want({ from: 0, to: 30 * S }, 100 * S);
  assert.equal(count, 1, 'a page that draws does not ask with every picture');
  nowMs += AGAIN_MS;
  await past.want({ from: 0, to: 30 * S }, 100 * S);
  assert.deepEqual([past.kept, count], [null, 2]);
  nowMs += AGAIN_MS;
  let release = () => {};
  reply = answer('r');
  past.ask = () => new Promise((resolve) => { release = () => resolve(answer('r')); });
  const waiting = past.want({ from: 0, to: 30 * S }, 100 * S);
  past.begin('s', ['A', 'B'], 'alternate');
  release();
  await waiting;
  assert.equal(past.kept, null, 'the run has changed meanwhile');
});

test('arms that run at once are asked for one by one', async () => {
  const asked = [];
  const past = new Past(async (query) => { asked.push(query.split('arm=')[1]); return answer('r'); });
  past.begin('r', ['A', 'B'], 'parallel');
  await past.want({ from: 0, to: 30 * S }, 100 * S);
  assert.deepEqual(asked, ['A', 'B']);
});

test('a reading is the nearest one, exact and with its arm; a gap has none', () => {
  const track = new Track(['A', 'B']);
  track.push({ t_ns: [10 * S, 10.05 * S, 10.1 * S, 20 * S], mean: [192.34, 201, null, 90], min: [190, 200.96, null, 90], max: [193, 201, null, 90], arm: ['A', 'B', 'B', null] });
  const found = readingAt(track.ring, 10.01 * S);
  assert.deepEqual(found, { t_ns: 10 * S, watts: 192.34, low: 190, high: 193, slot: 0 });
  assert.equal(readingText(found, ['A', 'B']), 'A 192.3 W at 0:10.00, 190.0 to 193.0');
  assert.equal(readingText(readingAt(track.ring, 10.05 * S), ['A', 'B']), 'B 201.0 W at 0:10.05');
  assert.equal(readingText(readingAt(track.ring, 20 * S), ['A', 'B']), '90.0 W at 0:20.00');
  assert.equal(readingAt(track.ring, 10.1 * S), null, 'nothing was measured there');
  assert.equal(readingAt(new Track(['A']).ring, 5 * S), null);
  const dense = new Track(['A']);
  dense.push({ t_ns: [S, 1.05 * S, 1.1 * S], mean: [1, 1, 1], min: [1, 1, 1], max: [1, 1, 1], arm: ['A', 'A', 'A'] });
  assert.equal(readingAt(dense.ring, 9 * S), null, 'far from every reading');
});

test('a track of the past has no ghosts, and peaks at what it shows', () => {
  const track = new Track(['A', 'B']);
  track.push({ t_ns: [S, 2 * S, 3 * S], mean: [500, 100, 100], min: [500, 100, 100], max: [500, 100, 100], arm: ['A', 'B', 'B'] });
  track.past = true;
  assert.equal(track.ghost(0), undefined);
  assert.equal(track.peak(1.5 * S), 100);
});
