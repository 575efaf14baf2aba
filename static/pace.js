const QUICK = Object.freeze({ everyMs: 33, textEveryMs: 333 });
const SLOW = Object.freeze({ everyMs: 40, textEveryMs: 500 });
const SLOW_MS = 9; // a picture that takes longer from script to paint: the browser has little time left for anything else
const QUICK_MS = 6;
const WEIGHT = 0.15; // of one picture that was timed, in what pictures usually take
const MOST_MS = 30; // of it that counts: one stop of the machine is no slow machine

/**
 * How often charts are drawn: thirty times a second, twenty-five on a machine for which a picture is hard work. Words and
 * digits more seldom: faster they cannot be read, and each time costs as much as two pictures.
 */
export class Pace {
  usualMs = 0;
  /** @type {{everyMs: number, textEveryMs: number}} */
  chosen = QUICK;

  /** A picture has taken `ms` from its script's beginning until it was painted. @param {number} ms */
  took(ms) {
    this.usualMs += (Math.min(ms, MOST_MS) - this.usualMs) * WEIGHT;
    if (this.usualMs > SLOW_MS) this.chosen = SLOW;
    else if (this.usualMs < QUICK_MS) this.chosen = QUICK;
  }

  get everyMs() {
    return this.chosen.everyMs;
  }

  get textEveryMs() {
    return this.chosen.textEveryMs;
  }
}
