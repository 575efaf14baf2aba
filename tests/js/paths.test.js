import assert from 'node:assert/strict';
import test from 'node:test';
import { Points } from '../../static/decimate.js';
import { paths } from '../../static/paths.js';

function points(rows) {
  const made = new Points(16);
  for (const [t, mean, arm] of rows) {
    const index = made.length;
    made.t[index] = t;
    made.mean[index] = mean;
    made.min[index] = mean - 1;
    made.max[index] = mean + 1;
    made.arm[index] = arm;
    made.length += 1;
  }
  return made;
}

const same = (value) => value;
const moves = (path) => (path.match(/M/g) ?? []).length;

test('own turns and other times are separate lines that touch', () => {
  const made = paths(points([[0, 5, 1], [1, 5, 1], [2, 9, 0], [3, 9, 0], [4, 5, 1]]), 0, same, same, 10);
  assert.equal(made.own, 'M1 5L2 9L3 9');
  assert.equal(moves(made.other), 2);
  assert.equal(made.other, 'M0 5L1 5M3 9L4 5');
});

test('the envelope runs along the maxima and back along the minima', () => {
  assert.equal(paths(points([[0, 5, 0], [2, 7, 0]]), 0, same, same, 10).envelope, 'M0 6L2 8L2 6L0 4Z');
});

test('a gap in time breaks the line', () => {
  const made = paths(points([[0, 5, 0], [1, 5, 0], [50, 5, 0], [51, 5, 0]]), 0, same, same, 10);
  assert.equal(moves(made.own), 2);
});

test('a missing reading breaks the line and is not drawn', () => {
  const made = paths(points([[0, 5, 0], [1, 5, 0], [2, NaN, 0], [3, 5, 0], [4, 5, 0]]), 0, same, same, 10);
  assert.equal(moves(made.own), 2);
  assert.doesNotMatch(made.own + made.envelope, /NaN/);
});

test('a lone reading is a dot', () => {
  assert.equal(paths(points([[3, 5, 0]]), 0, same, same, 10).own, 'M3 5h.1');
});

test('nothing gives nothing', () => {
  assert.deepEqual(paths(points([]), 0, same, same, 10), { own: '', other: '', envelope: '' });
});
