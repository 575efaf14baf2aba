import assert from 'node:assert/strict';
import test from 'node:test';
import { LIVE, USUAL_NS, centre, clockText, fitted, pause, play, shift, spanOf, timeTicks, words, zoom } from '../../static/dvrview.js';

const S = 1e9;
const paused = (from, to) => ({ kind: 'paused', span: { from: from * S, to: to * S } });
const seconds = ({ from, to }) => [from / S, to / S];

test('live shows the newest half minute, and a pause stays where it was', () => {
  assert.deepEqual(seconds(spanOf(LIVE, 100 * S)), [70, 100]);
  const view = pause(LIVE, 100 * S);
  assert.deepEqual(seconds(spanOf(view, 160 * S)), [70, 100]);
  assert.deepEqual(seconds(spanOf(pause(LIVE, 10 * S), 99 * S)), [-20, 10], 'a short run ends at the right edge, as live');
});

test('going on keeps its distance, and without one is live again', () => {
  const view = play(paused(70, 100), 112 * S);
  assert.deepEqual(view, { kind: 'behind', lag_ns: 12 * S, span_ns: 30 * S });
  assert.deepEqual(seconds(spanOf(view, 140 * S)), [98, 128]);
  assert.equal(play(paused(70, 100), 100 * S), LIVE);
  assert.equal(play(paused(90, 100), 100 * S).kind, 'behind', 'with another zoom it follows with that');
});

test('moving stays within the run; past the newest it is live', () => {
  assert.deepEqual(seconds(spanOf(shift(LIVE, -10 * S, 100 * S), 100 * S)), [60, 90]);
  assert.deepEqual(seconds(spanOf(shift(LIVE, -500 * S, 100 * S), 100 * S)), [0, 30]);
  assert.equal(shift(paused(60, 90), 20 * S, 100 * S), LIVE);
  assert.deepEqual(shift(paused(80, 90), 20 * S, 100 * S), { kind: 'behind', lag_ns: 0, span_ns: 10 * S });
  assert.deepEqual(seconds(spanOf(centre(paused(0, 30), 50 * S, 100 * S), 100 * S)), [35, 65]);
  assert.deepEqual(seconds(spanOf(centre(paused(0, 30), 1 * S, 100 * S), 100 * S)), [0, 30]);
  assert.deepEqual(seconds(spanOf(centre(paused(0, 30), 99 * S, 100 * S), 100 * S)), [70, 100]);
});

test('zoom keeps the place that is pointed at, from a second to the whole run', () => {
  assert.deepEqual(seconds(spanOf(zoom(paused(40, 70), 0.5, 50 * S, 100 * S), 100 * S)), [45, 60]);
  assert.deepEqual(seconds(spanOf(zoom(paused(40, 70), 100, 50 * S, 100 * S), 100 * S)), [0, 100]);
  assert.deepEqual(seconds(spanOf(zoom(paused(40, 70), 1e-6, 50 * S, 100 * S), 100 * S)).map(Math.round), [50, 51]);
  assert.deepEqual(zoom(LIVE, 2, 100 * S, 100 * S), { kind: 'behind', lag_ns: 0, span_ns: 60 * S }, 'live goes on, with more of it');
});

test('whatever is asked for, a span lies in the run and has a length', () => {
  for (let round = 0; round < 500; round += 1) {
    const [from, long, end] = [Math.random(), Math.random(), Math.random()].map((value) => value * 300 * S);
    const span = fitted({ from: from - 100 * S, to: from - 100 * S + long }, end);
    assert.ok(span.to <= end + 1 && span.to - span.from >= 1e9 - 1, JSON.stringify({ from, long, end, span }));
    assert.ok(span.from >= -1 || span.to - span.from >= end - 1, 'it begins before the run only if it is longer');
    assert.ok(span.to - span.from <= Math.max(end, USUAL_NS) + 1);
  }
});

test('times as people read them', () => {
  assert.equal(clockText(80e9), '1:20');
  assert.equal(clockText(80.46e9, 1), '1:20.5');
  assert.equal(clockText(59.999e9, 1), '1:00.0');
  assert.equal(clockText(3725e9), '1:02:05');
  assert.equal(clockText(-3e9), '0:00');
});

test('the past is never passed off as the present', () => {
  assert.equal(words(LIVE, 100 * S, 'live'), '');
  assert.equal(words(paused(58, 88), 100 * S, 'live'), 'Charts show 0:58–1:28, 12 s behind live; figures are live');
  assert.equal(words(paused(58, 88), 400 * S, 'replay'), 'Charts show 0:58–1:28, 5 min 12 s behind the replay; figures are the newest');
  assert.equal(words(paused(58, 88), 100 * S, 'over'), 'Charts show 0:58–1:28 of 1:40; figures are final');
  assert.match(words({ kind: 'behind', lag_ns: 0, span_ns: 60 * S }, 100 * S, 'live'), /^Charts show 0:40–1:40; figures/);
});

test('ticks are round times within the span, few enough to be read', () => {
  const { at, labels } = timeTicks({ from: 58 * S, to: 88 * S }, -30);
  assert.deepEqual(labels, ['1:00', '1:10', '1:20']);
  assert.deepEqual(at.map(Math.round), [-28, -18, -8]);
  for (const long of [1, 3, 10, 45, 200, 3600, 20000]) {
    const { labels: some } = timeTicks({ from: 0, to: long * S }, -30);
    assert.ok(some.length >= 1 && some.length <= 5 && new Set(some).size === some.length, `${long}: ${some}`);
  }
});
