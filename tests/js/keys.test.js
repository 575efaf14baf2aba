import assert from 'node:assert/strict';
import test from 'node:test';
import { isTyping, KEYS } from '../../static/keys.js';

const press = (key, tagName = 'BODY', more = {}, type = '') => ({ key, target: { tagName, type }, ctrlKey: false, metaKey: false, altKey: false, repeat: false, ...more });

test('every key does one thing, and every thing has words', () => {
  assert.equal(new Set(KEYS.map(({ key }) => key)).size, KEYS.length);
  assert.equal(new Set(KEYS.map(({ name }) => name)).size, KEYS.length);
  for (const { shown, says } of KEYS) assert.ok(shown && says);
  const promised = [' ', 'ArrowRight', 's', 'f', 'v', 'r', '?'];
  assert.deepEqual(promised.filter((key) => !KEYS.some((row) => row.key === key)), []);
});

test('keys that somebody types elsewhere are not the page\'s', () => {
  assert.equal(isTyping(press('f')), false);
  assert.equal(isTyping(press('?', 'BODY', { shiftKey: true })), false);
  for (const tag of ['INPUT', 'SELECT', 'TEXTAREA']) assert.equal(isTyping(press('f', tag)), true);
  for (const type of ['text', 'number']) assert.equal(isTyping(press('r', 'INPUT', {}, type)), true);
  assert.equal(isTyping(press('r', 'INPUT', {}, 'checkbox')), false, 'nobody types into a box to tick');
  assert.equal(isTyping(press(' ', 'INPUT', {}, 'checkbox')), true);
  assert.equal(isTyping(press('r', 'INPUT', {}, 'range')), false);
  assert.equal(isTyping(press('ArrowRight', 'INPUT', {}, 'range')), true);
  for (const tag of ['BUTTON', 'A', 'SUMMARY']) {
    assert.equal(isTyping(press(' ', tag)), true, 'space is the button\'s own');
    assert.equal(isTyping(press('f', tag)), false);
  }
  for (const held of ['ctrlKey', 'metaKey', 'altKey', 'repeat']) assert.equal(isTyping(press('r', 'BODY', { [held]: true })), true);
});
