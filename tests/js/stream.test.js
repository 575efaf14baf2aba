import assert from 'node:assert/strict';
import test from 'node:test';
import { behindText, initial, reduce } from '../../static/state.js';
import { usesEvents } from '../../static/stream.js';

test('server-sent events are tried after two sockets that never opened, then by turns', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5].map(usesEvents), [false, false, true, false, true, false]);
});

test('a slow viewer is told how far it is behind, for a moment', () => {
  const state = reduce(initial(), { type: 'message', message: { type: 'missed', frames: 7 }, nowMs: 1000 });
  assert.match(behindText(state, 2000), /^You are 7 frames behind/);
  assert.equal(behindText(state, 6000), '');
  assert.equal(behindText(initial(), 0), '');
});

test('what a page has stays when it goes on from there', () => {
  const frame = { type: 'frame', seq: 9, t_ns: 1, run: 'r', run_t_ns: 5, state: 'racing', arms: { A: {} } };
  let state = reduce(initial(), { type: 'message', message: { type: 'hello', seq: 8, run: { id: 'r' }, frame }, nowMs: 0 });
  state = reduce(state, { type: 'message', message: frame, nowMs: 1 });
  state = reduce(state, { type: 'closed', again: true, reason: '' });
  state = reduce(state, { type: 'message', message: { type: 'hello', seq: 9, resumed: true, run: { id: 'r' } }, nowMs: 2 });
  assert.equal(state.connection, 'open');
  assert.equal(state.frame, frame);
  state = reduce(state, { type: 'message', message: { ...frame, seq: 10 }, nowMs: 3 });
  assert.equal(state.gaps, 0);
});
