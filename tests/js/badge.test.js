import assert from 'node:assert/strict';
import test from 'node:test';
import { age, ageText, badges, noticeText } from '../../static/badge.js';
import { initial } from '../../static/state.js';

function state(frame, more = {}) {
  return { ...initial(), connection: 'open', frameAtMs: 1000, frame: { state: 'racing', simulated: false, replay: false, age_ns: 12e6, ...frame }, ...more };
}
const words = (given, nowMs = 1050) => badges(given, nowMs).map(({ text }) => text);

test('there is always a badge', () => {
  assert.deepEqual(words(initial()), ['CONNECTING']);
  assert.deepEqual(words(state({})), ['LIVE']);
  assert.deepEqual(words(state({ state: 'idle', age_ns: null })), ['LIVE']);
});

test('simulated and replayed data are never called live', () => {
  assert.deepEqual(words(state({ simulated: true })), ['SIMULATED']);
  assert.deepEqual(words(state({ simulated: true, replay: true })), ['SIMULATED', 'REPLAY']);
  assert.deepEqual(words(state({ replay: true }, { speed: 10 })), ['REPLAY 10×']);
  assert.deepEqual(words(state({ replay: true, age_ns: null }, { run: { replay: { paused: true } } })), ['REPLAY, paused']);
});

test('old samples are stale', () => {
  assert.deepEqual(words(state({ age_ns: 4.3e9 })), ['STALE 4.3 s']);
  assert.deepEqual(words(state({ simulated: true, age_ns: 4.3e9 })), ['SIMULATED', 'STALE 4.3 s']);
});

test('frames that stop coming make any picture stale, whatever they said', () => {
  assert.deepEqual(words(state({}), 3000), ['STALE 2.0 s']);
  assert.deepEqual(words(state({ state: 'done' }), 3000), ['STALE 2.0 s']);
  assert.deepEqual(words(state({ age_ns: null }), 3000), ['STALE 2.0 s']);
});

test('the end of a run is a result, not a stale picture', () => {
  assert.deepEqual(words(state({ state: 'done', age_ns: 60e9 })), ['ENDED']);
  assert.deepEqual(words(state({ state: 'failed', simulated: true, age_ns: 60e9 })), ['SIMULATED', 'ENDED']);
  assert.equal(ageText(state({ state: 'done', age_ns: 60e9 }), 1050), 'final figures');
});

test('figures of a race that failed, or that was not seen whole, are not called final and no more', () => {
  assert.equal(ageText(state({ state: 'failed', age_ns: null }), 1050), 'figures until it failed');
  const arms = { A: { reasons: ['simulated'] }, B: { reasons: ['simulated', 'gap'] } };
  assert.equal(ageText(state({ state: 'done', age_ns: null, arms }), 1050), 'final figures, with gaps');
});

test('a recording says when it was made, not how old its data is', () => {
  const run = { id: 'run', utc: '2026-11-21T09:30:12Z' };
  for (const name of ['racing', 'done']) {
    assert.match(ageText(state({ replay: true, state: name }, { run }), 1050), /^recorded .*\b21\b/);
  }
  assert.equal(ageText(state({}, { run }), 1050), 'data < 0.1 s old');
});

test('a recording on screen is well only while it has power', () => {
  const show = { fallback: { on: true, why: 'the race has failed' } };
  assert.equal(noticeText(state({ replay: true }, { show }), 1050), '');
  assert.match(noticeText(state({ replay: true, age_ns: 12e9 }, { show }), 1050), /^The sensor did not answer at this point/);
  assert.equal(noticeText(state({ replay: true, age_ns: null }, { show }), 1050), '', 'it is paused');
  assert.equal(noticeText(state({}, { show: { fallback: { on: false, why: 'no power' } } }), 1050), 'No power');
});

test('without a connection it is offline, and still simulated', () => {
  assert.deepEqual(words(state({ simulated: true }, { connection: 'reconnecting' })), ['SIMULATED', 'OFFLINE, reconnecting']);
  assert.deepEqual(words(state({}, { connection: 'closed' })), ['OFFLINE']);
});

test('the age adds what the client has waited to what the sample had', () => {
  assert.equal(age(state({ age_ns: 5e8 }), 1500), 1);
  assert.equal(age(state({ age_ns: null }), 1500), 0.5);
  assert.equal(age(initial(), 0), null);
  assert.equal(ageText(state({}), 1050), 'data < 0.1 s old');
  assert.equal(ageText(state({}), 1400), 'data 0.4 s old');
  assert.equal(ageText(initial(), 0), '');
});
