import assert from 'node:assert/strict';
import test from 'node:test';
import { initial } from '../../static/state.js';
import { interval, subject, verdictLine } from '../../static/verdict.js';

const NBSP = '\u00a0';
const ARMS = [{ label: 'A', name: 'batch 1' }, { label: 'B', name: 'batch 8' }];
const state = (frame, run = { id: 'r', title: 't', arms: ARMS }) => ({ ...initial(), run, frame: { state: 'racing', verdict: null, ...frame } });
const verdict = { text: 'B uses 81 % less energy per token', decided: true, ratio: 0.19, low: 0.185, high: 0.195, rounds: 4 };

test('a decided verdict is about an arm', () => {
  const line = verdictLine(state({ verdict }));
  assert.deepEqual([line.tone, line.arm, line.text], ['decided', 'B', verdict.text]);
});

test('an interval in brackets is not said twice', () => {
  const long = { ...verdict, text: `${verdict.text} (95 % CI 81–82)` };
  assert.equal(verdictLine(state({ verdict: long })).text, verdict.text);
  assert.equal(verdictLine(state({ verdict: { ...long, low: null } })).text, long.text);
});

test('an undecided one is about none', () => {
  const line = verdictLine(state({ verdict: { text: 'too close to call', decided: false, low: 0.97, high: 1.05, rounds: 2 } }));
  assert.deepEqual([line.tone, line.arm, line.text], ['plain', null, 'Too close to call']);
  assert.equal(line.note, `95${NBSP}% sure: 3${NBSP}% less to 5${NBSP}% more, 2 rounds each`);
});

test('intervals in the words of the verdict', () => {
  assert.equal(interval(verdict), `95${NBSP}% sure: 81 to 82${NBSP}% less, 4 rounds each`);
  assert.equal(interval({ text: '', decided: true, low: 0.158, high: 0.162 }), `95${NBSP}% sure: 83.8 to 84.2${NBSP}% less`);
  assert.equal(interval({ text: '', decided: true, low: 0.1578, high: 0.1585 }), `95${NBSP}% sure: 84.15 to 84.22${NBSP}% less`);
  assert.equal(interval({ text: '', decided: true, low: 1.2, high: 1.3 }), `95${NBSP}% sure: 20 to 30${NBSP}% more`);
  assert.equal(interval({ text: '', decided: true, low: 7.4, high: 7.8, rounds: 4 }), `95${NBSP}% sure: 7.4 to 7.8 times, 4 rounds each`);
  assert.equal(interval({ text: '', decided: true, low: 1.9, high: 378, rounds: 2 }), `95${NBSP}% sure: 1.9 to 378 times, 2 rounds each`);
  assert.equal(interval({ text: '', decided: true, low: null, high: null, rounds: 3 }), '3 rounds each');
});

test('both ends of a range have the same decimals', () => {
  const said = (low, high) => interval({ text: '', decided: true, low, high }).replaceAll(NBSP, ' ').replace('95 % sure: ', '');
  assert.equal(said(0.082, 0.16), '84.0 to 91.8 % less');
  assert.equal(said(1.05, 1.1), '5 to 10 % more');
  assert.equal(said(1.042, 1.31), '4.2 to 31.0 % more');
  assert.equal(said(0.93, 1.124), '7.0 % less to 12.4 % more');
});

test('of several arms it says than which', () => {
  const three = { id: 'r', title: 't', arms: [...ARMS, { label: 'C', name: 'batch 16' }] };
  const told = (text, more = {}) => verdictLine(state({ verdict: { ...verdict, text, baseline: 'A', ...more } }, three)).text;
  assert.equal(told('C uses 92 % less energy per token (95 % CI 91–93)'), 'C uses 92 % less energy per token than A');
  assert.equal(told('C uses 2.3 times the energy per token', { low: 2.2, high: 2.4 }), 'C uses 2.3 times the energy per token of A');
  assert.equal(told('too close to call after 6 rounds', { decided: false }), 'Too close to call after 6 rounds');
  assert.equal(verdictLine(state({ verdict: { ...verdict, baseline: 'A' } })).text, verdict.text, 'of two that is plain');
});

test('what is not decided says how much more would tell', () => {
  const open_ = { text: '', decided: false, low: 0.97, high: 1.05, rounds: 2, more_rounds: 6 };
  assert.match(interval(open_), /2 rounds each, about 6 more would tell$/);
  assert.doesNotMatch(interval({ ...open_, more_rounds: null }), /would tell/);
});

test('a label must be a word of its own', () => {
  assert.equal(subject('Batch is better', ['A', 'B']), null);
  assert.equal(subject('B is better', ['A', 'B']), 'B');
});

test('before, after and when it went wrong', () => {
  assert.match(verdictLine(initial()).text, /Connecting/);
  assert.match(verdictLine(state({})).text, /No verdict yet/);
  assert.match(verdictLine(state({ state: 'done' })).text, /without a verdict/);
  assert.match(verdictLine(state({ state: 'idle' })).text, /batch 1 against batch 8/);
  assert.deepEqual(verdictLine(state({ state: 'failed', reason: 'B died' })).note, 'B died');
  assert.equal(verdictLine(state({ state: 'failed', verdict })).tone, 'bad');
  assert.match(verdictLine(state({ state: 'aborted', reason: 'stopped' })).text, /Stopped/);
  assert.equal(verdictLine(state({ state: 'aborted', verdict })).text, verdict.text);
});
