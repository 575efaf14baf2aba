import assert from 'node:assert/strict';
import test from 'node:test';
import { Pace } from '../../static/pace.js';

/** @param {number} ms @param {number} count */
function after(ms, count, pace = new Pace()) {
  for (let each = 0; each < count; each += 1) pace.took(ms);
  return pace;
}

test('it draws thirty times a second where a picture is little work', () => {
  assert.equal(new Pace().everyMs, 33);
  assert.equal(after(4, 100).everyMs, 33);
});

test('it draws twenty-five times a second where a picture is hard work, and thirty again when it no longer is', () => {
  const pace = after(16, 20);
  assert.equal(pace.everyMs, 40);
  after(4, 20, pace);
  assert.equal(pace.everyMs, 33);
});

test('one stop of the machine changes nothing', () => {
  assert.equal(after(3000, 1, after(4, 50)).everyMs, 33);
});

test('between the two limits it stays as it is', () => {
  assert.equal(after(7.5, 100).everyMs, 33);
  assert.equal(after(7.5, 100, after(16, 20)).everyMs, 40);
});
