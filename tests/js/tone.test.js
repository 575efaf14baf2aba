import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pitch, side } from '../../static/tone.js';

test('more watts sound higher, three octaves over the axis', () => {
  assert.equal(pitch(0, 300), 110);
  assert.equal(pitch(300, 300), 880);
  assert.ok(pitch(100, 300) < pitch(200, 300));
  assert.equal(pitch(900, 300), 880, 'never above it');
});

test('the first arm is on the left, the last on the right', () => {
  assert.ok(side(0, 2) < 0 && side(1, 2) > 0 && side(0, 2) === -side(1, 2));
  assert.equal(side(0, 1), 0);
  assert.equal(Math.abs(side(1, 3)) < 1e-9, true);
});
