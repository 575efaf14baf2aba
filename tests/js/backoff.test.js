import assert from 'node:assert/strict';
import test from 'node:test';
import { afterClose } from '../../static/backoff.js';

const least = () => 0;
const most = () => 1;

test('codes that say no are obeyed', () => {
  for (const code of [4400, 4403, 4413, 4420]) {
    const { delayMs, reason } = afterClose(code, 0);
    assert.equal(delayMs, null);
    assert.ok(reason.length > 10);
  }
});

test('a server that goes away is back in one to five seconds', () => {
  assert.equal(afterClose(1001, 0, least).delayMs, 1000);
  assert.equal(afterClose(1001, 9, most).delayMs, 5000);
});

test('a full house is tried again after about a minute', () => {
  assert.equal(afterClose(4429, 0, least).delayMs, 50_000);
  assert.equal(afterClose(4429, 0, most).delayMs, 70_000);
});

test('a slow viewer comes back', () => {
  assert.ok(afterClose(4408, 0, most).delayMs <= 3000);
});

test('a lost connection is tried soon, then ever more slowly, never alike and never above 15 s', () => {
  const delays = [0, 1, 2, 3, 4, 5, 50, 5000].map((attempt) => afterClose(1006, attempt, most).delayMs);
  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  assert.equal(afterClose(1006, 1, least).delayMs, 500);
  assert.notEqual(afterClose(1006, 3, () => 0.2).delayMs, afterClose(1006, 3, () => 0.8).delayMs);
});
