import assert from 'node:assert/strict';
import test from 'node:test';
import { Reasons } from '../../static/reasons.js';

const ANSWER = { gap: { weight: 'doubt', sentence: 'It was silent.', remedy: 'Repeat.' } };

function served(t, respond) {
  t.mock.method(globalThis, 'fetch', respond);
  return new Reasons();
}

test('the words come from the server, once', async (t) => {
  const reasons = served(t, async () => ({ ok: true, json: async () => ANSWER }));
  assert.equal(reasons.sentence(['gap']), 'gap');
  await reasons.load();
  await reasons.load();
  assert.equal(reasons.sentence(['gap']), 'It was silent.');
  assert.equal(globalThis.fetch.mock.callCount(), 1);
});

test('after a failure they are asked for again', async (t) => {
  let working = false;
  const reasons = served(t, async () => {
    if (!working) throw new TypeError('no connection');
    return { ok: true, json: async () => ANSWER };
  });
  await reasons.load();
  working = true;
  await reasons.load();
  assert.equal(reasons.sentence(['gap']), 'It was silent.');
});

test('what is always so is not news', () => {
  const reasons = new Reasons();
  assert.equal(reasons.sentence(['simulated', 'whole_board', 'whole_package']), '');
  assert.equal(reasons.sentence(undefined), '');
  assert.equal(reasons.sentence(['simulated', 'counter_reset', 'gap']), 'counter reset And 1 more.');
});
