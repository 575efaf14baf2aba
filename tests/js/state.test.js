import assert from 'node:assert/strict';
import test from 'node:test';
import { activeArm, arms, ended, hasPower, initial, reduce } from '../../static/state.js';

const ARMS = [{ label: 'A', name: 'batch 1' }, { label: 'B', name: 'batch 8' }];
const hello = (more = {}) => ({ type: 'hello', protocol: 1, seq: 10, t_ns: 1, run: { id: 'r', title: 't', arms: ARMS }, frame: frame(10), ...more });
const frame = (seq, more = {}) => ({ type: 'frame', seq, t_ns: seq, run: 'r', run_t_ns: 1, state: 'racing', simulated: true, replay: false, age_ns: 1, ...more });
const said = (state, message, nowMs = 0) => reduce(state, { type: 'message', message, nowMs });

test('the first state knows nothing', () => {
  const state = initial();
  assert.equal(state.connection, 'connecting');
  assert.equal(state.frame, null);
  assert.deepEqual(arms(state), []);
  assert.equal(activeArm(state), null);
  assert.equal(ended(state), false);
});

test('a state is never changed, only followed by another', () => {
  const before = Object.freeze(initial());
  const after = said(before, hello(), 5);
  assert.notEqual(before, after);
  assert.equal(before.run, null);
  assert.equal(after.run.id, 'r');
  assert.equal(after.frameAtMs, 5);
  assert.equal(after.connection, 'open');
});

test('frames in order leave no gap, a jump counts what is missing', () => {
  let state = said(initial(), hello());
  for (const seq of [11, 12, 13]) state = said(state, frame(seq));
  assert.deepEqual([state.gaps, state.lastSeq, state.framesReceived], [0, 13, 3]);
  state = said(state, frame(17));
  assert.equal(state.gaps, 3);
});

test('frames that the server says it left out are missed, not gaps', () => {
  let state = said(initial(), hello());
  state = said(state, { type: 'missed', frames: 40 });
  state = said(state, frame(51));
  assert.deepEqual([state.gaps, state.missed, state.lastSeq], [0, 40, 51]);
});

test('a hello starts counting anew, so a reconnect is not a gap', () => {
  let state = said(initial(), hello());
  state = said(state, hello({ seq: 500 }));
  state = said(state, frame(501));
  assert.equal(state.gaps, 0);
});

test('closing keeps the picture and says why', () => {
  let state = said(initial(), hello());
  state = reduce(state, { type: 'closed', again: true, reason: 'no connection' });
  assert.equal(state.connection, 'reconnecting');
  assert.equal(state.frame.seq, 10);
  state = reduce(state, { type: 'closed', again: false, reason: 'gone' });
  assert.deepEqual([state.connection, state.why], ['closed', 'gone']);
  assert.equal(reduce(state, { type: 'opened' }).connection, 'open');
});

test('before a run the demo\'s arms are shown, with letters where it has none', () => {
  const state = said(initial(), hello({ run: null, demo: { title: 't', arms: [{ name: 'x' }, { name: 'y' }] } }));
  assert.deepEqual(arms(state).map(({ label, name }) => label + name), ['Ax', 'By']);
  assert.equal(hasPower(state), true);
});

test('a run without a power sensor says so', () => {
  const run = { id: 'r', title: 't', arms: ARMS, power_source: null };
  assert.equal(hasPower(said(initial(), hello({ run }))), false);
  assert.equal(hasPower(said(initial(), hello({ run: { ...run, power_source: 'nvml' } }))), true);
});

test('whose turn it is, and when all is over', () => {
  const state = said(initial(), hello({ frame: frame(10, { arms: { A: { state: 'resting' }, B: { state: 'active' } } }) }));
  assert.equal(activeArm(state), 'B');
  for (const word of ['done', 'failed', 'aborted']) assert.equal(ended(said(state, frame(11, { state: word }))), true);
});

test('control, speed and notices', () => {
  let state = reduce(initial(), { type: 'access', control: true });
  state = reduce(state, { type: 'speed', speed: 10 });
  state = reduce(state, { type: 'notice', text: 'no' });
  assert.deepEqual([state.control, state.speed, state.notice], [true, 10, 'no']);
  assert.equal(said(state, hello({ run: { id: 'r', title: 't', arms: ARMS, replay: { speed: 2 } } })).speed, 2);
});

test('unknown events change nothing', () => {
  const state = initial();
  assert.equal(reduce(state, { type: 'else' }), state);
  assert.equal(said(state, { type: 'else' }), state);
});

test('the newest word on the sensor stays until another comes', () => {
  const sensor = { achieved_hz: 100 };
  let state = reduce(initial(), { type: 'message', nowMs: 0, message: { type: 'hello', protocol: 1, seq: 1, t_ns: 1, run: null, sensor } });
  assert.equal(state.sensor, sensor);
  state = reduce(state, { type: 'message', nowMs: 1, message: { type: 'frame', seq: 2, t_ns: 2 } });
  assert.equal(state.sensor, sensor);
  state = reduce(state, { type: 'message', nowMs: 2, message: { type: 'frame', seq: 3, t_ns: 3, sensor: null } });
  assert.equal(state.sensor, null);
});
