import assert from 'node:assert/strict';
import test from 'node:test';
import { Actions, busy, request } from '../../static/actions.js';
import { initial, NO_SHOW } from '../../static/state.js';

const state = (now, show = {}, replay = false) => ({ ...initial(), frame: { state: now, replay }, show: { ...NO_SHOW, ...show } });
const fallback = (more) => ({ fallback: { on: false, available: true, automatic: false, file: 'f', recorded_utc: '', why: '', live: 'racing', ...more } });

test('a race that runs is stopped, another one is started', () => {
  for (const now of ['idle', 'done', 'failed', 'aborted']) assert.equal(request('toggle', state(now)).path, 'api/run/start');
  for (const now of ['preparing', 'warming', 'racing', 'cooling']) {
    const { path, confirm } = request('toggle', state(now));
    assert.equal(path, 'api/run/stop');
    assert.ok(confirm, 'a race is not stopped by one slip of the thumb');
  }
  assert.equal(busy(initial()), false);
});

test('while a recording is on the screen, the race itself is what starts and stops', () => {
  const dead = state('racing', fallback({ on: true, live: 'failed' }), true);
  assert.equal(request('toggle', dead).path, 'api/run/start');
  assert.equal(busy(state('done', fallback({ on: true, live: 'racing' }), true)), true);
});

test('next ends a turn of a race, and steps in a recording', () => {
  assert.equal(request('next', state('idle')), null);
  assert.equal(request('next', state('racing')).path, 'api/run/next');
  assert.deepEqual(request('next', state('racing', {}, true)), { path: 'api/replay', body: { step: 'next' } });
  assert.equal(request('back', state('racing')), null);
  assert.deepEqual(request('back', state('racing', {}, true)).body, { step: 'previous' });
});

test('what is on is turned off, and the other way round', () => {
  for (const [name, key, field] of [['freeze', 'frozen', 'frozen'], ['swap', 'swapped', 'swapped'], ['verdict', 'verdict_hidden', 'hidden']]) {
    assert.deepEqual(request(name, state('racing')).body, { [field]: true });
    assert.deepEqual(request(name, state('racing', { [key]: true })).body, { [field]: false });
  }
});

test('panic needs a recording and no second thought; back to live needs one', () => {
  assert.equal(request('fallback', state('racing')), null);
  assert.equal(request('fallback', state('racing', fallback({ available: false }))), null);
  assert.deepEqual(request('fallback', state('racing', fallback())), { path: 'api/show/fallback', body: { to: 'replay' }, urgent: true });
  const back = request('fallback', state('racing', fallback({ on: true })));
  assert.deepEqual([back.body, Boolean(back.confirm)], [{ to: 'live' }, true]);
  assert.equal(request('dance', state('racing')), null);
});

test('what cannot be undone waits until it is asked for again', async (context) => {
  const asked = [];
  context.mock.method(globalThis, 'fetch', async (path) => { asked.push(path); return { ok: true, status: 202, json: async () => ({}) }; });
  const actions = new Actions(() => state('racing'), () => {});
  await actions.act('toggle');
  assert.deepEqual(asked, []);
  assert.equal(actions.question('toggle', performance.now()), 'Stop the race?');
  assert.equal(actions.question('toggle', performance.now() + 60_000), '', 'not for ever');
  await actions.act('freeze');
  assert.deepEqual(asked, ['api/show/freeze'], 'what can be undone is done at once');
  assert.equal(actions.question('toggle', performance.now()), '', 'and anything else in between is a no');
  await actions.act('toggle');
  await actions.act('toggle');
  assert.deepEqual(asked, ['api/show/freeze', 'api/run/stop']);
});

globalThis.navigator ??= /** @type {any} */ ({ userAgent: '' }); // consoles are called after it

test('panic takes control where another console has it, and nothing else does', async (context) => {
  const asked = [];
  context.mock.method(globalThis, 'fetch', async (path, { body }) => {
    asked.push(`${path} ${body}`);
    const refused = path !== 'api/show/lock' && !asked.some((each) => each.startsWith('api/show/lock'));
    return { ok: !refused, status: refused ? 409 : 200, json: async () => (refused ? { error: 'Ada has control', holder: 'Ada' } : {}) };
  });
  const answers = [];
  const actions = new Actions(() => state('racing', fallback()), ({ error }) => answers.push(error));
  await actions.act('freeze');
  assert.deepEqual([asked.length, answers], [1, ['Ada has control']]);
  await actions.act('fallback');
  assert.deepEqual(asked.map((each) => each.split(' ')[0]), ['api/show/freeze', 'api/show/fallback', 'api/show/lock', 'api/show/fallback']);
  assert.match(asked[2], /"take":true/);
  assert.deepEqual(answers, ['Ada has control', '']);
});

test('a key that is pressed again before the server has answered asks for nothing more', async (context) => {
  const asked = [];
  /** @type {(value?: unknown) => void} */
  let answer = () => {};
  const answered = new Promise((resolve) => { answer = resolve; });
  context.mock.method(globalThis, 'fetch', async (path) => {
    asked.push(path);
    await answered;
    return { ok: true, status: 200, json: async () => ({}) };
  });
  const actions = new Actions(() => state('racing', fallback()), () => {});
  const first = actions.act('fallback');
  assert.equal(actions.waiting, 'fallback', 'the console can say so');
  await actions.act('fallback');
  answer();
  await first;
  assert.deepEqual(asked, ['api/show/fallback']);
  assert.equal(actions.waiting, '');
});
