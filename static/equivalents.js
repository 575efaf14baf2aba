import { count, energy, known } from './format.js';

/**
 * What an amount of energy is like. Figures people grasp are rough by nature: each is shown after ≈ and has its source.
 * @typedef {{joules: number, one: string, many: string, source: string}} Equivalent
 */

/** From small to large. @type {Equivalent[]} */
export const EQUIVALENTS = [
  {
    joules: 540, one: 'minute of LED light', many: 'minutes of LED light',
    source: 'About: a 9 W LED lamp, which replaces a 60 W bulb (US DOE, energy.gov/energysaver/led-lighting)',
  },
  {
    joules: 43_200, one: 'phone charge', many: 'phone charges',
    source: 'About 12 Wh from the wall to charge a phone (US EPA, Greenhouse Gases Equivalencies Calculator, calculations and references)',
  },
  {
    joules: 356_000, one: 'litre boiled', many: 'litres boiled',
    source: 'About: water from 15 to 100 °C at 4.19 kJ/(kg K), without the kettle\'s losses',
  },
];
const LEAST = 0.2;
const TOKENS_OF_AN_ANSWER = 100;
const ANSWERS = 1000;

/** The thing of which even the smallest of these amounts is more than a crumb, the largest that will do. @param {number[]} joules */
export function fitting(joules) {
  const smallest = Math.min(...joules.filter((value) => value > 0));
  return EQUIVALENTS.filter((each) => smallest / each.joules >= LEAST).at(-1) ?? EQUIVALENTS[0];
}

/** @typedef {{work: string, size: string, thing: string, source: string}} Likeness "1 000 answers", " of 100 tokens", "2 phone charges" */

/**
 * For every arm what a lot of its work is like, all in the same thing.
 * @param {(number | null | undefined)[]} joules per token, or per unit
 * @param {string | undefined} unit what work is counted in, when not in tokens
 * @returns {(Likeness | null)[]} null where the energy is unknown
 */
export function equivalents(joules, unit) {
  const amount = unit === undefined ? ANSWERS * TOKENS_OF_AN_ANSWER : ANSWERS;
  const work = `${count(ANSWERS)} ${unit ?? 'answers'}`;
  const size = unit === undefined ? ` of ${TOKENS_OF_AN_ANSWER} tokens` : '';
  const totals = joules.map((each) => (known(each) && each > 0 ? each * amount : null));
  const thing = fitting(totals.filter(known));
  return totals.map((total) => {
    if (total === null) return null;
    const often = number(total / thing.joules);
    return {
      work, size, thing: `${often} ${often === '1' ? thing.one : thing.many}`,
      source: `${work}${size} take ${energy(total)}. ${thing.source}`,
    };
  });
}

/** @param {number} value */
function number(value) {
  if (value < 0.095) return 'less than 0.1';
  return value < 9.95 ? value.toFixed(1).replace(/\.0$/, '') : count(value);
}
