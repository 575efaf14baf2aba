import assert from 'node:assert/strict';
import { test } from 'node:test';

import { intervalText, joulesText, place, roundsText, savingText } from '../../static/bars.js';
import { stateText } from '../../static/loadform.js';

test('joules are said in few digits', () => {
  const said = [0, 4.24, 9.5, 568, 12345, 250_400, 1e6, -3, -12345.6].map(joulesText);
  assert.deepEqual(said, ['0', '4.2', '9.5', '568', '12\u202f345', '250k', '1M', '−3', '−12\u202f346']);
});

test('a saving below none is a cost', () => {
  assert.equal(savingText(568), 'saves 568 J');
  assert.equal(savingText(-20), 'takes 20 J more');
});

test('an interval is told when there is one', () => {
  assert.equal(intervalText(/** @type {any} */ ({ low: 327, high: 354 })), '95 % sure: 327 to 354 J');
  assert.equal(intervalText(/** @type {any} */ ({ low: null, high: 354 })), '');
});

test('an answer that is not the difference of the digits says of which rounds it is', () => {
  const bet = /** @type {any} */ ({ answer: 551, baseline: 'A', contender: 'B' });
  const arms = /** @type {any} */ ({ A: { joules_per_token: 0.694 }, B: { joules_per_token: 0.125 }, C: { joules_per_token: 0.143 } });
  assert.equal(roundsText(bet, arms), 'paired rounds');
  assert.equal(roundsText({ ...bet, answer: 569.2 }, arms), '');
  assert.equal(roundsText({ ...bet, answer: 569.2, contender: null }, arms), '', 'the best arm is meant');
  assert.equal(roundsText({ ...bet, answer: null }, arms), '');
  assert.equal(roundsText(bet, {}), '');
});

test('what lies beyond the edges is drawn at them', () => {
  const edges = [0, 100, 200];
  assert.deepEqual([-5, 0, 50, 200, 1e6].map((joules) => place(edges, joules)), [0, 0, 0.25, 1, 1]);
});

test('a phone is told how far its question is', () => {
  const mine = { prompt: '', state: 'asked', arm: 'B', ahead: 2, text: '', again_seconds: 0 };
  assert.equal(stateText(mine), 'B has it, 2 before it');
  assert.equal(stateText({ ...mine, state: 'waiting', arm: null, ahead: 0 }), 'waits for a turn');
  assert.equal(stateText({ ...mine, state: 'answered' }), 'answered by B');
  assert.equal(stateText({ ...mine, state: 'failed' }), 'this one got lost; ask again');
});
