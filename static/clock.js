/**
 * The run's clock as this browser sees it between two frames. It follows the server's clock smoothly, at a replay's
 * speed too, and stops soon after the frames stop: a picture never scrolls on data that has not come.
 */
export class RunClock {
  rate = 1;
  base_t_ns = NaN;
  baseMs = 0;
  newest_t_ns = NaN;
  /** @type {{t_ns: number, run_t_ns: number}[]} */
  recent = [];

  reset() {
    this.rate = 1;
    this.base_t_ns = NaN;
    this.baseMs = 0;
    this.newest_t_ns = NaN;
    this.recent = [];
  }

  /**
   * @param {number} nowMs this browser's clock
   * @param {number} t_ns the server's clock when it published
   * @param {number | null | undefined} run_t_ns the run's clock at that moment
   */
  observe(nowMs, t_ns, run_t_ns) {
    if (typeof run_t_ns !== 'number') {
      this.reset();
      return;
    }
    if (run_t_ns < this.newest_t_ns) this.reset(); // another run, or a replay that jumped back
    const expected = this.now(nowMs);
    this.newest_t_ns = run_t_ns;
    this.recent.push({ t_ns, run_t_ns });
    if (this.recent.length > 20) this.recent.shift();
    const error = run_t_ns - expected;
    this.rate = this.measuredRate();
    const jumped = !(Math.abs(error) < 5e8 * Math.max(1, this.rate));
    this.base_t_ns = jumped ? run_t_ns : expected + error * 0.1;
    this.baseMs = nowMs;
  }

  /** The run's clock at this moment in nanoseconds, NaN when there is none. @param {number} nowMs @returns {number} */
  now(nowMs) {
    const ahead = this.newest_t_ns + 2.5e8 * Math.max(1, this.rate);
    return Math.min(this.base_t_ns + (nowMs - this.baseMs) * 1e6 * this.rate, ahead);
  }

  measuredRate() {
    const first = this.recent[0];
    const last = this.recent[this.recent.length - 1];
    const passed = last.t_ns - first.t_ns;
    if (!(passed > 1e8)) return this.rate;
    return Math.min(50, Math.max(0, (last.run_t_ns - first.run_t_ns) / passed));
  }
}
