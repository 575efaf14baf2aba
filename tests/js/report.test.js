import assert from 'node:assert/strict';
import test from 'node:test';
import { Player, clockText } from '../../static/report/player.js';
import { Tape, unpack } from '../../static/report/tape.js';
import { deflateSync } from 'node:zlib';

const S = 1e9;

function content() {
  const t_ns = Array.from({ length: 200 }, (_, row) => 10 * S + row * 5e7);
  const arm = t_ns.map((t) => (t < 15 * S ? 'A' : 'B'));
  const mean = t_ns.map((t) => (t < 15 * S ? 100 : 200));
  return {
    run: { id: 'r', title: 'R', arms: [{ label: 'A', name: 'a' }, { label: 'B', name: 'b' }], schedule: { mode: 'alternate' } },
    begin: 10 * S, end: 20 * S, powers: {},
    frames: [10, 12, 14, 16, 18].map((second) => ({ run_t_ns: second * S, state: `s${second}` })),
    power: { t_ns, mean, min: mean, max: mean.map((watts) => watts + 5), arm },
  };
}

test('a player begins at the end, and plays from the beginning', () => {
  const player = new Player(10 * S, 20 * S);
  assert.equal(player.t_ns, 20 * S);
  player.toggle();
  player.tick(1000);
  player.tick(1500);
  assert.equal(player.t_ns, 10.5 * S);
  player.speed = 10;
  player.tick(1900);
  assert.equal(player.t_ns, 14.5 * S);
  player.toggle();
  player.tick(3000);
  assert.equal(player.t_ns, 14.5 * S);
});

test('a player stops at the end, stays within the race, and does not jump after a hidden while', () => {
  const player = new Player(0, 2 * S);
  player.seek(-5);
  assert.equal(player.t_ns, 0);
  player.toggle();
  player.tick(0);
  player.tick(60_000);
  assert.equal(player.t_ns, 0);
  for (let ms = 60_000; ms <= 63_000; ms += 100) player.tick(ms);
  assert.deepEqual([player.t_ns, player.playing], [2 * S, false]);
});

test('times as players show them', () => {
  assert.deepEqual([clockText(17 * S, 10 * S), clockText(764.9 * S, 0), clockText(0, 5)], ['0:07', '12:44', '0:00']);
});

test('the frame of a moment is the newest before it', () => {
  const tape = new Tape(content());
  assert.deepEqual([0, 10, 13.9, 14, 99].map((second) => tape.frame(second * S).state), ['s10', 's10', 's12', 's14', 's18']);
});

test('going back in time gives the same picture as going there at once', () => {
  const there = new Tape(content());
  there.play(13 * S);
  const back = new Tape(content());
  for (const second of [11, 19, 12, 20, 13]) back.play(second * S);
  const [one, other] = [there, back].map((tape) => tape.tracks.of('A').ring);
  assert.equal(one.length, 61);
  assert.deepEqual([other.length, other.last(0), other.last(1)], [one.length, one.last(0), one.last(1)]);
  assert.equal(there.peak(), 205);
});

test('what was packed is unpacked', async () => {
  const packed = deflateSync(JSON.stringify({ begin: 1, words: 'Größe ☀' })).toString('base64');
  assert.deepEqual(await unpack(packed), { begin: 1, words: 'Größe ☀' });
});
