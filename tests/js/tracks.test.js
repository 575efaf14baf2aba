import assert from 'node:assert/strict';
import test from 'node:test';
import { ARM, MEAN } from '../../static/track.js';
import { Tracks } from '../../static/tracks.js';

function power(t, mean, arm) {
  return { t_ns: [t], mean: [mean], min: [mean], max: [mean], arm: [arm] };
}

test('arms that take turns share one track', () => {
  const tracks = new Tracks(['A', 'B'], 'alternate');
  tracks.push({ power: power(1e9, 300, 'A') });
  assert.equal(tracks.of('A'), tracks.of('B'));
  assert.equal(tracks.of('B').ring.last(MEAN), 300);
  assert.equal(tracks.of('A').ring.length, 1);
  assert.equal(tracks.peak(0), 300);
});

test('arms that run in parallel have their own power', () => {
  const tracks = new Tracks(['A', 'B'], 'parallel');
  tracks.replace({ history: power(1e9, 700, null), powers: { A: power(1e9, 300, 'A'), B: power(1e9, 400, 'B') } });
  tracks.push({ power: power(2e9, 710, null), powers: { A: power(2e9, 310, 'A'), B: power(2e9, 400, null) } });
  assert.equal(tracks.of('A').ring.last(MEAN), 310);
  assert.equal(tracks.of('A').ring.last(ARM), 0);
  assert.equal(tracks.of('B').ring.last(ARM), -1);
  assert.equal(tracks.of('B').ring.length, 2);
  assert.equal(tracks.peak(0), 400);
});

test('on a shared device everybody sees the same power as theirs, and nobody the idle time', () => {
  const tracks = new Tracks(['A', 'B'], 'shared');
  tracks.push({ power: power(1e9, 500, 'B') });
  tracks.push({ power: power(2e9, 90, null) });
  for (const [slot, label] of ['A', 'B'].entries()) {
    assert.equal(tracks.of(label).ring.at(ARM, 0), slot);
    assert.equal(tracks.of(label).ring.at(ARM, 1), -1);
  }
});

test('nothing comes of nothing', () => {
  const tracks = new Tracks([], undefined);
  tracks.push({ power: null });
  assert.equal(tracks.peak(0), 0);
});
