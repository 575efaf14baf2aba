import assert from 'node:assert/strict';
import test from 'node:test';
import { Ring } from '../../static/ring.js';

function filled(capacity, count) {
  const ring = new Ring(capacity, 2);
  for (let index = 0; index < count; index += 1) ring.push(index, index * 10);
  return ring;
}

test('an empty ring has no last value', () => {
  const ring = new Ring(4, 2);
  assert.equal(ring.length, 0);
  assert.ok(Number.isNaN(ring.last(0)));
  assert.equal(ring.indexFrom(0, 5), 0);
});

test('rows come back oldest first', () => {
  const ring = filled(8, 3);
  assert.deepEqual([0, 1, 2].map((index) => ring.at(1, index)), [0, 10, 20]);
});

test('a full ring forgets its oldest row and never grows', () => {
  const ring = filled(4, 11);
  assert.equal(ring.length, 4);
  assert.deepEqual([0, 1, 2, 3].map((index) => ring.at(0, index)), [7, 8, 9, 10]);
  assert.equal(ring.last(1), 100);
  assert.equal(ring.columns[0].length, 4);
});

test('indexFrom finds the first row that is not older, across the seam', () => {
  const ring = filled(4, 11);
  assert.equal(ring.indexFrom(0, 0), 0);
  assert.equal(ring.indexFrom(0, 9), 2);
  assert.equal(ring.indexFrom(0, 8.5), 2);
  assert.equal(ring.indexFrom(0, 99), 4);
});

test('a copy is independent', () => {
  const ring = filled(4, 6);
  const twin = ring.copy();
  ring.push(99, 99);
  assert.equal(twin.last(0), 5);
  assert.equal(twin.at(0, 0), 2);
  ring.clear();
  assert.equal(ring.length, 0);
  assert.equal(twin.length, 4);
});
