import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runningText, stateText } from '../../static/armwords.js';

test('a start says what it is at, so that its percents may begin anew', () => {
  assert.equal(stateText('starting', undefined), 'starting');
  assert.equal(stateText('starting', { state: 'starting', progress: 0.5 }), 'starting 50\u00a0%');
  assert.equal(stateText('starting', { state: 'starting', stage: 'loading weights', progress: 1 }), 'loading weights 100\u00a0%');
  assert.equal(stateText('starting', { state: 'starting', stage: 'capturing graphs' }), 'capturing graphs');
  assert.equal(stateText('active', { state: 'active', stage: 'opening' }), 'running');
  assert.equal(stateText('idle', undefined), '');
});

test('a batch that the server did not count itself is labelled', () => {
  assert.equal(runningText(0, 'clients'), '');
  assert.equal(runningText(1, undefined), '1 at a time');
  assert.equal(runningText(8, undefined), '8 at once');
  assert.equal(runningText(8, 'clients'), '8 at once, by its clients');
});
