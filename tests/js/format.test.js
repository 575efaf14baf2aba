import assert from 'node:assert/strict';
import test from 'node:test';
import { count, countdown, duration, energyPerToken, energyUnit, NONE, short, temperature } from '../../static/format.js';

test('what is unknown is a dash, never 0', () => {
  for (const value of [null, undefined, NaN, Infinity]) {
    assert.equal(short(value), NONE);
    assert.equal(energyPerToken(value), NONE);
    assert.equal(count(value), NONE);
    assert.equal(duration(value), NONE);
  }
  assert.equal(temperature(null), '');
  assert.equal(countdown(null), '');
});

test('quantities have at most four digits', () => {
  const cases = [[0, '0'], [0.04, '0.0'], [8.44, '8.4'], [9.97, '10'], [42.4, '42'], [331.2, '331'], [9999.4, '9999'],
    [9999.6, '10.0k'], [12345, '12.3k'], [123456, '123k'], [999499, '999k'], [1.5e6, '1.50M'], [1e30, '>999G']];
  for (const [value, text] of cases) assert.equal(short(value), text);
});

test('energy per token is whole millijoules up to 9999', () => {
  assert.equal(energyPerToken(0.981), '981');
  assert.equal(energyPerToken(0.0004), '0.4');
  assert.equal(energyPerToken(0.00123), '1');
  assert.equal(energyPerToken(0), '0');
  assert.equal(energyPerToken(9.9994), '9999');
});

test('above 9999 mJ all arms are in joules with the digits that mean something', () => {
  assert.equal(energyUnit([0.981, 9.9]), 'mJ');
  assert.equal(energyUnit([12.31, 0.0421]), 'J');
  assert.equal(energyUnit([]), 'mJ');
  assert.equal(energyUnit([null, undefined]), 'mJ');
  assert.equal(energyPerToken(12.31, 'J'), '12.3');
  assert.equal(energyPerToken(0.0421, 'J'), '0.042');
  assert.equal(energyPerToken(0.981, 'J'), '0.98');
  assert.equal(energyPerToken(1234, 'J'), '1234');
  assert.equal(energyUnit([20000]), 'kJ');
  assert.equal(energyPerToken(20000), '20.0');
  assert.equal(energyPerToken(1e12), '>9999');
});

test('no energy needs more than five characters', () => {
  for (let exponent = -9; exponent < 15; exponent += 0.01) assert.ok(energyPerToken(10 ** exponent).length <= 5);
});

test('no quantity needs more than five characters', () => {
  for (let exponent = -9; exponent < 20; exponent += 0.01) assert.ok(short(10 ** exponent).length <= 5);
});

test('ages and countdowns', () => {
  assert.equal(duration(0.44), '0.4 s');
  assert.equal(duration(12.4), '12 s');
  assert.equal(duration(180), '3 min');
  assert.equal(duration(7200), '2 h');
  assert.equal(duration(-1), '0.0 s');
  assert.equal(countdown(10), '10 s');
  assert.equal(countdown(9.01), '10 s');
  assert.equal(countdown(0.2), '1 s');
  assert.equal(countdown(-3), '0 s');
  assert.equal(temperature(54.6), '55 °C');
  assert.equal(count(1234567), '1 234 567');
});
