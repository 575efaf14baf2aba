import assert from 'node:assert/strict';
import test from 'node:test';
import { ownVerdict } from '../../static/presentfigures.js';
import { checkText, holder, initial, reduce, sorted, whoText } from '../../static/presentstate.js';
import { audienceTiles, betStep, screenTiles } from '../../static/presenttiles.js';
import { initial as nothing, NO_SHOW } from '../../static/state.js';

const finding = (check, level) => ({ check, level, text: 't', remedy: level === 'ok' ? '' : 'r' });
const desk = (more = {}) => ({ has_control: false, viewers: 1, recorders: 0, demos: [], demo: null, notes: '', steps: [], ...more });
const withShow = (show) => ({ ...initial(), stream: { ...nothing(), show: { ...NO_SHOW, ...show } } });

test('events make new states and change none', () => {
  const before = Object.freeze(initial());
  const after = reduce(before, { type: 'desk', desk: desk({ viewers: 3 }) });
  assert.equal(before.desk, null);
  assert.equal(after.desk.viewers, 3);
  const shut = reduce(after, { type: 'shut' });
  assert.deepEqual([shut.shut, shut.desk], [true, null], 'a logged-out console shows nothing that was the presenter\'s');
  const checked = reduce(shut, { type: 'check', check: { state: 'failed', error: 'no' } });
  assert.deepEqual([checked.check.state, checked.check.findings], ['failed', []]);
  assert.equal(reduce(before, { type: 'stream', event: { type: 'notice', text: 'x' } }).stream.notice, 'x');
});

test('who has control, and what one can do about it', () => {
  assert.equal(holder(initial()).action, 'Take control');
  const held = withShow({ presenter: { name: 'Ada', seconds_left: 540 } });
  assert.deepEqual(holder(held), { text: 'Ada has control for 9 min more', action: 'Take over', mine: false });
  assert.equal(holder({ ...held, desk: desk({ has_control: true }) }).mine, true);
});

test('findings: the gravest first, the fine ones apart, and one sentence about all', () => {
  const findings = [finding('a', 'ok'), finding('b', 'warning'), finding('c', 'problem'), finding('d', 'warning')];
  const { open, fine } = sorted(findings);
  assert.deepEqual(open.map(({ check }) => check), ['c', 'b', 'd']);
  assert.deepEqual(fine.map(({ check }) => check), ['a']);
  const check = { state: 'done', demo: '', error: '', ok: false, findings };
  assert.match(checkText(check), /^1 thing must be put right/);
  assert.match(checkText({ ...check, ok: true, findings: findings.slice(0, 2) }), /1 thing will make its figures doubtful/);
  assert.match(checkText({ ...check, ok: true, findings: [] }), /All is well/);
  assert.equal(checkText({ ...check, state: 'failed', error: 'the doctor has failed' }), 'the doctor has failed');
});

test('who is there', () => {
  assert.equal(whoText(initial()), '');
  assert.equal(whoText({ ...initial(), desk: desk() }), 'Only this console is watching');
  assert.match(whoText({ ...initial(), desk: desk({ viewers: 500, recorders: 2 }) }), /^500 browsers .* 2 programs copy the recording$/);
});

test('the presenter sees the verdict that the hall does not', () => {
  const verdict = { text: 'B uses 81 % less energy per token', decided: true, ratio: 0.19, low: 0.18, high: 0.2 };
  const state = { ...nothing(), frame: { state: 'racing', verdict }, show: { ...NO_SHOW, verdict_hidden: true } };
  assert.match(ownVerdict(state).text, /81 % less/);
});

test('tiles say how things stand', () => {
  const state = { ...nothing(), frame: { state: 'racing', arms: { A: {}, B: {} } }, show: { ...NO_SHOW, frozen: true, swapped: true } };
  const by = Object.fromEntries(screenTiles(state).map((tile) => [tile.name, tile]));
  assert.deepEqual([by.freeze.on, by.verdict.on, by.swap.says], [true, false, 'B | A']);
  assert.equal(by.fallback.able, false);
  const audience = audienceTiles({ ...state, show: { ...NO_SHOW, load: { open: true, prompts: [], sent: 12, running: 3 } } });
  assert.deepEqual(audience.map(({ name }) => name), ['join', 'bet', 'load']);
  assert.equal(audience[2].says, '12 sent, 3 running');
});

test('a bet goes from open to closed to revealed', () => {
  const steps = [null, { state: 'open' }, { state: 'closed' }, { state: 'revealed' }].map((bet) => betStep(bet).state);
  assert.deepEqual(steps, ['open', 'closed', 'revealed', 'open']);
});

test('the tiles of code and bet say what is on the screens', () => {
  const join = { url: '', short: 'host:1/view', shown: true };
  const said = (bet, verdict = null) => audienceTiles({ ...initial().stream, frame: { verdict }, show: { ...NO_SHOW, join, bet } })
    .slice(0, 2).map(({ says }) => says);
  assert.deepEqual(said({ state: 'open', guesses: 1 }), ['host:1/view', 'open, 1 guess']);
  assert.equal(said({ state: 'closed', guesses: 2 })[1], 'closed, 2 guesses: the answer comes with the verdict');
  assert.equal(said({ state: 'closed', guesses: 2 }, { text: '' })[1], 'closed, 2 guesses');
  assert.deepEqual(said({ state: 'revealed', guesses: 2, contender: 'B', answer: 551 }),
    ['it makes room for the bet’s answer', 'on the screens: B saves 551 J, 2 guesses']);
  assert.equal(said({ state: 'revealed', guesses: 2, answer: null })[1], 'on the screens: it was not measured, 2 guesses');
});
