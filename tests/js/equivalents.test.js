import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EQUIVALENTS, equivalents } from '../../static/equivalents.js';

const words = (joules, unit) => equivalents(joules, unit).map((each) => each && `${each.work}${each.size} ≈ ${each.thing}`);

test('a thousand answers in phone charges', () => {
  assert.deepEqual(words([0.6732, 0.1074]), [
    '1 000 answers of 100 tokens ≈ 1.6 phone charges', '1 000 answers of 100 tokens ≈ 0.2 phone charges',
  ]);
});

test('all arms in the same thing, of which the smallest has more than a crumb', () => {
  assert.deepEqual(words([0.02, 0.01]).map((text) => text.split('≈ ')[1]), ['3.7 minutes of LED light', '1.9 minutes of LED light']);
  assert.deepEqual(words([9, 3]).map((text) => text.split('≈ ')[1]), ['2.5 litres boiled', '0.8 litres boiled']);
});

test('one is one', () => {
  assert.match(words([0.432])[0], /≈ 1 phone charge$/);
});

test('what is unknown is like nothing', () => {
  assert.deepEqual(equivalents([null, undefined, 0], undefined), [null, null, null]);
  assert.equal(equivalents([null, 0.5], undefined)[0], null);
});

test('other work has its own word, and no tokens', () => {
  assert.equal(words([300], 'MB')[0], '1 000 MB ≈ 0.8 litres boiled');
});

test('every figure has its source, and every sentence says how much it is', () => {
  for (const { source } of EQUIVALENTS) assert.ok(source.length > 20);
  assert.match(equivalents([0.6732], undefined)[0].source, /67\.3.kJ.*EPA/);
});
