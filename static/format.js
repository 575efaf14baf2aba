/** Numbers as the audience reads them: at most four digits, a dash for what is unknown. */

export const NONE = '—';

const STEPS = [
  { unit: 'mJ', joules: 1e-3 },
  { unit: 'J', joules: 1 },
  { unit: 'kJ', joules: 1e3 },
];

/** @param {unknown} value @returns {value is number} */
export function known(value) {
  return typeof value === 'number' && Number.isFinite(value);
}

/**
 * A positive quantity in at most four digits: 8.4, 42, 331, 9999, 12.3k.
 * @param {number | null | undefined} value
 */
export function short(value) {
  if (!known(value)) return NONE;
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 9.95) return value.toFixed(1);
  if (size < 9999.5) return value.toFixed(0);
  for (const [scale, letter] of /** @type {[number, string][]} */ ([[1e3, 'k'], [1e6, 'M'], [1e9, 'G']])) {
    if (size < scale * 999.5) return threeDigits(value / scale) + letter;
  }
  return '>999G';
}

/** @param {number} value below 1000 */
function threeDigits(value) {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/**
 * The unit in which all of these energies per token have at most four digits, so that arms can be compared at a
 * glance: one arm never shows mJ beside another's J.
 * @param {(number | null | undefined)[]} joules
 */
export function energyUnit(joules) {
  const largest = Math.max(0, ...joules.filter(known));
  const step = STEPS.find(({ joules: size }) => largest / size < 9999.5);
  return (step ?? STEPS[STEPS.length - 1]).unit;
}

/**
 * Energy per token in `unit`: whole millijoules, or joules with the digits that still mean something.
 * @param {number | null | undefined} joules
 * @param {string} [unit]
 */
export function energyPerToken(joules, unit = energyUnit([joules])) {
  if (!known(joules)) return NONE;
  const value = joules / (STEPS.find((step) => step.unit === unit) ?? STEPS[0]).joules;
  if (value >= 9999.5) return '>9999';
  if (unit === 'mJ') return value > 0 && value < 0.95 ? value.toFixed(1) : value.toFixed(0);
  if (value === 0) return '0';
  return value < 0.0995 ? value.toFixed(3) : threeDigits(value);
}

/** An amount of energy in at most three digits: 850 J, 8.31 kJ, 1.2 MJ. @param {number | null | undefined} joules */
export function energy(joules) {
  if (!known(joules)) return NONE;
  for (const [scale, unit] of /** @type {[number, string][]} */ ([[1, 'J'], [1e3, 'kJ'], [1e6, 'MJ']])) {
    if (joules < scale * 999.5) return `${threeDigits(joules / scale)}\u00a0${unit}`;
  }
  return `${short(joules / 1e9)}\u00a0GJ`;
}

/** @param {number | null | undefined} celsius */
export function temperature(celsius) {
  return known(celsius) ? `${celsius.toFixed(0)} °C` : '';
}

/**
 * An age or a wait: 0.4 s, 12 s, 3 min.
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (!known(seconds)) return NONE;
  const positive = Math.max(0, seconds);
  if (positive < 9.95) return `${positive.toFixed(1)} s`;
  if (positive < 99.5) return `${positive.toFixed(0)} s`;
  if (positive < 5400) return `${Math.round(positive / 60)} min`;
  return `${Math.round(positive / 3600)} h`;
}

/**
 * Whole seconds left, counted as people count down: 10 at the start, 1 in the last second.
 * @param {number | null | undefined} seconds
 */
export function countdown(seconds) {
  return known(seconds) ? `${Math.ceil(Math.max(0, seconds) - 1e-6)} s` : '';
}

/** A count with thin spaces between thousands. @param {number | null | undefined} value */
export function count(value) {
  if (!known(value)) return NONE;
  return value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** A day and a time as people here write them. @param {string} utc */
export function day(utc) {
  const date = new Date(utc);
  if (Number.isNaN(date.getTime())) return 'an unknown day';
  return date.toLocaleString([], { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}
