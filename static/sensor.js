import { STALE_S, age } from './badge.js';
import { NONE, duration, known } from './format.js';
import { ended, hasGaps } from './state.js';

/** What is said of the power sensor: one line, and the figures behind it. */

/** @typedef {import('./types.js').Sensor} Sensor */
/** @typedef {import('./state.js').State} State */
/** @typedef {import('./reasons.js').Reasons} Reasons */
/** @typedef {{tone: 'ok' | 'note' | 'bad', sign: string, text: string}} Line */

const SIGNS = /** @type {const} */ ({ ok: '✓', note: 'i', bad: '!' });

/**
 * The newest word on the sensor is of when it was read last, so what became of it since comes first.
 * @param {State} state @param {Reasons} reasons @param {number} nowMs @returns {Line | null} null: there is no sensor to speak of
 */
export function sensorLine(state, reasons, nowMs) {
  const { sensor, frame } = state;
  if (!sensor) return null;
  const say = (/** @type {Line['tone']} */ tone, /** @type {string} */ words) => ({ tone, sign: SIGNS[tone], text: `${name(sensor)}${words}` });
  if (frame?.state === 'failed') return say('note', ': not read any more, since the race has failed');
  const old = age(state, nowMs);
  if (!ended(state) && old !== null && old > STALE_S) return say('bad', `: no readings for ${duration(old)}`);
  const codes = ended(state) && hasGaps(state) ? ['gap', ...sensor.reasons.filter((code) => code !== 'gap')] : sensor.reasons;
  const [gravest] = reasons.happened(codes);
  if (gravest !== undefined) return say(gravest.weight === 'note' ? 'note' : 'bad', `: ${reasons.sentence(codes)}`);
  return known(sensor.achieved_hz) ? say('ok', ` ok: ${rhythm(sensor, sensor.achieved_hz)}`) : say('note', ': no readings yet');
}

/** @param {Sensor} sensor @param {number} hertz */
function rhythm(sensor, hertz) {
  const { energy_counter: counter, power_instant: instant } = sensor.period_ms;
  const parts = [`${hertz.toFixed(0)} Hz`];
  if (known(counter)) parts.push(`counter every ${milliseconds(counter)}`);
  if (known(instant)) parts.push(`instant every ${milliseconds(instant)}`);
  return parts.join(', ');
}

/** @param {Sensor} sensor */
function name({ reasons }) {
  if (reasons.includes('simulated')) return 'simulated sensor';
  if (reasons.includes('whole_board')) return 'sensor of the whole board';
  return reasons.includes('whole_package') ? 'sensor of the whole processor' : 'sensor';
}

/** The figures, each with its name; the same names in the same order always. @param {Sensor} sensor @returns {[string, string][]} */
export function sensorFigures(sensor) {
  const { period_ms: periods, disagreement_percent: apart, sampler } = sensor;
  const over = known(sensor.window_seconds) ? ` over ${sensor.window_seconds.toFixed(0)} s` : '';
  return [
    ['Readings', readings(sensor.achieved_hz, sensor.asked_hz)],
    ['Energy counter', renewed(periods.energy_counter, sensor.counter_per_second)],
    ['Instant power', renewed(periods.power_instant, sensor.instant_per_second)],
    ['Instant power sees', seen(sensor.instant_window, periods.power_instant)],
    ['Average power', renewed(periods.power_average, null)],
    ['Instant against counter', percent(apart.instant) + (known(apart.instant) ? over : '')],
    ['Average against counter', percent(apart.average) + (known(apart.average) ? over : '')],
    ['One driver call', microseconds(sampler.call_us_p50)],
    ['Readings are late by', lateness(sampler.late_us_p50, sampler.late_us_p99)],
    ['Cost of sampling', known(sampler.cpu_percent) ? `${sampler.cpu_percent.toFixed(1)}\u00a0% of a core` : NONE],
  ];
}

/** @param {number | null} period @param {number | null} perSecond */
function renewed(period, perSecond) {
  if (known(period)) return `new every ${milliseconds(period)}` + (known(perSecond) ? ` (${perSecond.toFixed(1)}/s)` : '');
  return known(perSecond) ? `${perSecond.toFixed(1)} new/s` : NONE;
}

/** How much of each period the instant field looks at. @param {Sensor['instant_window']} span @param {number | null} period */
function seen(span, period) {
  if (!span || !known(span.ms)) return NONE;
  const share = known(period) ? ` of every ${milliseconds(period)}` : '';
  return `${milliseconds(span.ms)}${share}${span.origin === 'assumed' ? ' (assumed)' : ''}`;
}

/** @param {number | null} achieved @param {number | null} asked */
function readings(achieved, asked) {
  if (!known(achieved)) return NONE;
  const fewer = known(asked) && achieved < 0.99 * asked;
  return `${achieved.toFixed(1).replace(/\.0$/, '')} a second${fewer ? `, ${asked.toFixed(0)} wanted` : ', as wanted'}`;
}

/** @param {number | null} usual @param {number | null} worst */
function lateness(usual, worst) {
  return known(usual) ? `${microseconds(usual)}, 99 of 100 under ${microseconds(worst)}` : NONE;
}

/** @param {number} value */
function milliseconds(value) {
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)}\u00a0ms`;
}

/** @param {number | null} value */
function microseconds(value) {
  if (!known(value)) return NONE;
  return value < 999.5 ? `${value.toFixed(0)}\u00a0µs` : milliseconds(value / 1000);
}

/** @param {number | null} value */
function percent(value) {
  if (!known(value)) return NONE;
  const digits = Math.abs(value) < 9.95 ? 1 : 0;
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return 'the same';
  return `${text}\u00a0% ${value > 0 ? 'more' : 'less'}`;
}
