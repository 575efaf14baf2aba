/** Where in the race the page is: played at some speed, paused, or moved by hand. Times are in nanoseconds of the run. */
export class Player {
  /** @param {number} begin @param {number} end */
  constructor(begin, end) {
    this.begin = begin;
    this.end = end;
    this.t_ns = end;
    this.speed = 1;
    this.playing = false;
    this.lastMs = NaN;
  }

  /** Plays, or pauses; at the end it plays from the beginning. */
  toggle() {
    if (!this.playing && this.t_ns >= this.end) this.t_ns = this.begin;
    this.playing = !this.playing;
    this.lastMs = NaN;
  }

  /** @param {number} t_ns */
  seek(t_ns) {
    this.t_ns = Math.min(this.end, Math.max(this.begin, t_ns));
  }

  /** Time passes. @param {number} nowMs this browser's clock */
  tick(nowMs) {
    if (!this.playing) return;
    // A page that was hidden comes back to where it was, not to where it would be by now.
    if (nowMs - this.lastMs < 1000) this.seek(this.t_ns + (nowMs - this.lastMs) * 1e6 * this.speed);
    this.lastMs = nowMs;
    if (this.t_ns >= this.end) this.playing = false;
  }
}

/** A time as players show it: 0:07, 12:34. @param {number} t_ns @param {number} begin */
export function clockText(t_ns, begin) {
  const seconds = Math.max(0, Math.floor((t_ns - begin) / 1e9));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
