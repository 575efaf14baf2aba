import { RunClock } from './clock.js';
import { recall } from './recall.js';
import { SharedScale } from './scale.js';
import { arms, initial, reduce } from './state.js';
import { Stream } from './stream.js';
import { WINDOW_NS } from './track.js';
import { Tracks } from './tracks.js';

/** @typedef {import('./state.js').Event} Event */

const JUMP_NS = 5e8;

/** What a page draws from: the state, the tracks of power, the run's clock and the scale, all kept up by the stream. */
export class Feed {
  /**
   * @param {{greeted?: (hello: import('./types.js').Hello) => void, heard: (event: Event) => void, kept?: (event: Event) => boolean}} on
   *   `greeted` with every `hello`, `heard` with every event, both when the state has it; `kept` is asked of each that
   *   comes from the server whether it is kept from the state
   * @param {{prompt?: boolean}} [wishes] what the stream shall be like
   */
  constructor({ greeted = () => {}, heard, kept = () => false }, wishes) {
    this.greeted = greeted;
    this.heard = heard;
    this.state = initial();
    this.tracks = new Tracks([], undefined);
    this.scale = new SharedScale();
    this.clock = new RunClock();
    const take = (/** @type {Event} */ event) => { if (!kept(event)) this.dispatch(event); };
    this.stream = new Stream({
      message: (message) => take({ type: 'message', message, nowMs: performance.now() }),
      open: () => take({ type: 'opened' }),
      closed: (delayMs, reason) => take({ type: 'closed', again: delayMs !== null, reason }),
    }, wishes);
  }

  start() {
    this.stream.start();
  }

  /** @param {Event} event */
  dispatch(event) {
    const before = this.state.run?.id;
    this.state = reduce(this.state, event);
    if (event.type === 'message') this.follow(before, event);
    this.heard(event);
  }

  /** @param {string | undefined} runBefore @param {Event & {type: 'message'}} event */
  follow(runBefore, { message, nowMs }) {
    if (message.type === 'frame') {
      if ((message.run ?? undefined) === this.state.run?.id) this.observe(message, nowMs);
    } else if (message.type === 'hello') {
      if (!message.resumed) this.begin(runBefore, message, nowMs);
      this.greeted(message);
    }
  }

  /** @param {string | undefined} runBefore @param {import('./types.js').Hello} hello @param {number} nowMs */
  begin(runBefore, hello, nowMs) {
    const labels = arms(this.state).map(({ label }) => label);
    const back = (hello.frame?.run_t_ns ?? NaN) < this.clock.newest_t_ns - JUMP_NS; // a replay has gone back
    if (hello.run?.id !== runBefore || back || this.tracks.labels.join() !== labels.join()) {
      this.tracks = new Tracks(labels, hello.run?.schedule?.mode);
      this.scale = new SharedScale();
      this.clock.reset();
    }
    this.tracks.replace(hello);
    if (hello.frame) this.observe(hello.frame, nowMs);
  }

  /** Brings the last turns of arms that rest. @param {import('./types.js').Hello} hello */
  recall(hello) {
    recall(hello.frame, this.tracks);
  }

  /** @param {import('./types.js').Frame} frame @param {number} nowMs */
  observe(frame, nowMs) {
    this.clock.observe(nowMs, frame.t_ns, frame.run_t_ns);
    this.tracks.push(frame);
  }

  /** The top of the power axis for the last half minute before `run_t_ns`. @param {number} run_t_ns @param {number} nowMs */
  top(run_t_ns, nowMs) {
    this.scale.follow(this.tracks.peak(run_t_ns - WINDOW_NS), nowMs);
    return this.scale.max;
  }
}
