const QUICK_EVERY_MS = 33;
const SLOW_EVERY_MS = 40;
const SLOW_MS = 9; // a picture that takes longer from script to paint: the browser has little time left for anything else
const QUICK_MS = 6;
const WEIGHT = 0.15; // of one picture that was timed, in what pictures usually take
const MOST_MS = 30; // of it that counts: one stop of the machine is no slow machine

/** How often charts are drawn: thirty times a second, twenty-five on a machine for which a picture is hard work. */
export class Pace {
  usualMs = 0;
  everyMs = QUICK_EVERY_MS;

  /** A picture has taken `ms` from its script's beginning until it was painted. @param {number} ms */
  took(ms) {
    this.usualMs += (Math.min(ms, MOST_MS) - this.usualMs) * WEIGHT;
    if (this.usualMs > SLOW_MS) this.everyMs = SLOW_EVERY_MS;
    else if (this.usualMs < QUICK_MS) this.everyMs = QUICK_EVERY_MS;
  }
}
