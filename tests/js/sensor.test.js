import assert from 'node:assert/strict';
import test from 'node:test';
import { Reasons } from '../../static/reasons.js';
import { sensorFigures, sensorLine } from '../../static/sensor.js';
import { initial } from '../../static/state.js';

const KNOWN = {
  counter_reset: { weight: 'doubt', sentence: 'The counter began again.', remedy: 'Repeat it.' },
  counter_average_disagree: { weight: 'invalid', sentence: 'They do not add up.', remedy: 'Check it.' },
  power_capped: { weight: 'note', sentence: 'It ran at its limit.', remedy: 'Mind the limit.' },
  simulated: { weight: 'note', sentence: 'A simulation.', remedy: 'Measure.' },
  gap: { weight: 'doubt', sentence: 'Part was not seen.', remedy: 'Repeat it.' },
};
function reasons() {
  return Object.assign(new Reasons(), { known: KNOWN });
}
function sensor(more = {}) {
  return {
    stream: 'gpu0', source: 'nvml', achieved_hz: 99.9, asked_hz: 100, instant_per_second: 10, counter_per_second: 10,
    period_ms: { power_instant: 100.1, power_average: 100, energy_counter: 99.9 },
    instant_window: { ms: 25, origin: 'assumed' },
    disagreement_percent: { instant: 0.44, average: -0.01 }, window_seconds: 8, valid: true, reasons: [],
    sampler: { cpu_percent: 0.91, call_us_p50: 6.1, late_us_p50: 62, late_us_p99: 1240.2 }, ...more,
  };
}
const plain = (text) => text.replaceAll('\u00a0', ' ');
const line = (given, frame = {}) => sensorLine(
  { ...initial(), sensor: given, frameAtMs: 1000, frame: { state: 'racing', age_ns: 12e6, ...frame } }, reasons(), 1050);
const figures = (given) => Object.fromEntries(sensorFigures(given).map(([name, value]) => [name, plain(value)]));

test('one line when all is well', () => {
  const { tone, sign, text } = line(sensor());
  assert.deepEqual([tone, sign, plain(text)], ['ok', '✓', 'sensor ok: 100 Hz, counter every 100 ms, instant every 100 ms']);
});

test('a simulated sensor is never just a sensor', () => {
  assert.match(line(sensor({ reasons: ['simulated'] })).text, /^simulated sensor ok: /);
  assert.match(line(sensor({ reasons: ['counter_reset', 'simulated'] })).text, /^simulated sensor: /);
  assert.match(line(sensor({ reasons: ['whole_package'] })).text, /^sensor of the whole processor ok: /);
});

test('what is not there is not claimed', () => {
  assert.equal(line(null), null);
  const counterOnly = sensor({ period_ms: { power_instant: null, power_average: null, energy_counter: 1.04 } });
  assert.equal(plain(line(counterOnly).text), 'sensor ok: 100 Hz, counter every 1.0 ms');
  assert.equal(line(sensor({ achieved_hz: null })).text, 'sensor: no readings yet');
});

test('a sensor that is not read is not well, however well it was', () => {
  assert.deepEqual(line(sensor(), { age_ns: 12e9 }), { tone: 'bad', sign: '!', text: 'sensor: no readings for 12 s' });
  assert.equal(line(sensor({ reasons: ['simulated'] }), { state: 'cooling', age_ns: 2e9 }).text, 'simulated sensor: no readings for 2.0 s');
  assert.equal(line(sensor({ achieved_hz: null })).tone, 'note', 'nor is one before its first reading');
  assert.deepEqual(line(sensor(), { state: 'failed', age_ns: null }),
    { tone: 'note', sign: 'i', text: 'sensor: not read any more, since the race has failed' });
});

test('after the race it is what it was in the race', () => {
  assert.equal(line(sensor(), { state: 'done', age_ns: null }).tone, 'ok');
  const arms = { A: { reasons: [] }, B: { reasons: ['gap'] } };
  assert.deepEqual(line(sensor(), { state: 'done', age_ns: null, arms }), { tone: 'bad', sign: '!', text: 'sensor: Part was not seen.' });
  assert.equal(line(sensor(), { arms }).tone, 'ok', 'a gap that is over says nothing of this moment');
});

test('the gravest reason is said, with a sign of its own', () => {
  const bad = line(sensor({ reasons: ['power_capped', 'counter_reset', 'counter_average_disagree'] }));
  assert.deepEqual(bad, { tone: 'bad', sign: '!', text: 'sensor: They do not add up. And 2 more.' });
  assert.deepEqual(line(sensor({ reasons: ['power_capped'] })), { tone: 'note', sign: 'i', text: 'sensor: It ran at its limit.' });
});

test('a code that the server has not explained is its own words', () => {
  assert.equal(line(sensor({ reasons: ['made_up-code'] })).text, 'sensor: made up code');
});

test('figures in words', () => {
  assert.deepEqual(figures(sensor()), {
    'Readings': '99.9 a second, as wanted', 'Energy counter': 'new every 100 ms (10.0/s)',
    'Instant power': 'new every 100 ms (10.0/s)', 'Instant power sees': '25 ms of every 100 ms (assumed)',
    'Average power': 'new every 100 ms',
    'Instant against counter': '0.4 % more over 8 s', 'Average against counter': 'the same over 8 s',
    'One driver call': '6 µs', 'Readings are late by': '62 µs, 99 of 100 under 1.2 ms', 'Cost of sampling': '0.9 % of a core',
  });
});

test('a window that is documented is not called assumed', () => {
  assert.equal(figures(sensor({ instant_window: { ms: 25, origin: 'documented' } }))['Instant power sees'], '25 ms of every 100 ms');
  assert.equal(figures(sensor({ instant_window: undefined }))['Instant power sees'], '—');
});

test('unknown figures are dashes and not zeros', () => {
  const nothing = sensor({
    achieved_hz: null, instant_per_second: null, counter_per_second: null,
    period_ms: { power_instant: null, power_average: null, energy_counter: null },
    instant_window: { ms: null, origin: null },
    disagreement_percent: { instant: null, average: null }, window_seconds: null,
    sampler: { cpu_percent: null, call_us_p50: null, late_us_p50: null, late_us_p99: null },
  });
  assert.deepEqual([...new Set(Object.values(figures(nothing)))], ['—']);
  assert.equal(figures(sensor({ achieved_hz: 62, asked_hz: 100 })).Readings, '62 a second, 100 wanted');
});
