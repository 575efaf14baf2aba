/** @typedef {import('./types.js').Reason} Reason */

/** True as long as the device is there, and said elsewhere: by the badge, and by what the sensor's line calls it. */
const STANDING = ['simulated', 'whole_board', 'whole_package'];
const WEIGHTS = ['note', 'doubt', 'invalid'];

/** What reason codes mean, as the server says; until it has, a code is its own words. */
export class Reasons {
  constructor() {
    /** @type {Record<string, Reason>} */
    this.known = {};
    this.asked = false;
  }

  /** Asks the server once; again after a failure, when there is a connection again. */
  async load() {
    if (this.asked) return;
    this.asked = true;
    try {
      const response = await fetch('api/reasons', { credentials: 'same-origin' });
      this.asked = response.ok;
      if (response.ok) this.known = await response.json();
    } catch {
      this.asked = false;
    }
  }

  /** @param {string} code @returns {Reason} */
  about(code) {
    return this.known[code] ?? { weight: 'doubt', sentence: String(code).replaceAll(/[_-]/g, ' '), remedy: '' };
  }

  /** All of them in words, the gravest first. @param {string[] | undefined} codes */
  ranked(codes) {
    const list = (codes ?? []).map((code) => this.about(code));
    return list.sort((a, b) => WEIGHTS.indexOf(b.weight) - WEIGHTS.indexOf(a.weight));
  }

  /** What has happened, the gravest first; what is always so is left out. @param {string[] | undefined} codes */
  happened(codes) {
    return this.ranked((codes ?? []).filter((code) => !STANDING.includes(code)));
  }

  /** The gravest of them as a sentence, and how many there are besides. @param {string[] | undefined} codes */
  sentence(codes) {
    const list = this.happened(codes);
    if (!list.length) return '';
    return list[0].sentence + (list.length > 1 ? ` And ${list.length - 1} more.` : '');
  }
}
