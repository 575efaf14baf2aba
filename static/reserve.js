import { Player } from './report/player.js';
import { Tape, inflate } from './report/tape.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Event} Event */

const FRAME_MS = 50;
const HISTORY_NS = 30e9;
const LOST_MS = 5000; // so long without the server before the recording comes by itself, where that was set
const AGAIN_MS = 60_000;
const CONFIRM_MS = 4000;
const OFFER = 'The server cannot be reached. R plays the recording that this page has kept';
const PLAYS = 'The server cannot be reached: this is a recording';
const BACK = 'This is a recording. The server is back: R twice goes back to live';
const OVER = 'The recording is over. R plays it again';
const SURE = 'Back to live? R again';

/**
 * The last good recording of this demo, kept in the presenter's page: it plays on when the way to the server is lost.
 * As long as it does, nothing that the server says comes on this screen; live comes back by the presenter's hand.
 */
export class Reserve {
  /**
   * @param {(event: Event) => void} dispatch what the page is to take in
   * @param {() => void} restart has the server tell everything anew
   */
  constructor(dispatch, restart) {
    this.dispatch = dispatch;
    this.restart = restart;
    /** Whether it is on this screen. */
    this.on = false;
    this.back = false;
    this.kept = this.demo = '';
    /** @type {ArrayBuffer | null} */
    this.bytes = null;
    this.askMs = -Infinity;
    this.lostMs = NaN;
    this.sureUntilMs = -Infinity;
    this.timer = 0;
    this.told_t_ns = NaN;
    /** @type {Tape | null} */
    this.tape = null;
    /** @type {Player | null} */
    this.player = null;
    /** @type {import('./types.js').Show | null} */
    this.show = null;
  }

  /** Whether there is something to play. */
  get ready() {
    return this.bytes !== null;
  }

  /** Keeps up with what the server has in reserve, and comes by itself where that was set. @param {State} state @param {number} nowMs */
  keep({ connection, control, show, run, demo }, nowMs) {
    const { fallback } = show;
    if (fallback?.automatic && nowMs - this.lostMs > LOST_MS) void this.play(show);
    if (this.on || connection !== 'open' || !control || !fallback) return;
    this.stands(run?.demo ?? demo?.name ?? '');
    const wanted = `${fallback.file} ${fallback.recorded_utc}`;
    if (!fallback.available || wanted === this.kept || nowMs < this.askMs) return;
    this.askMs = nowMs + AGAIN_MS;
    void this.fetch(wanted);
  }

  /** What is kept is of the demo on stage: none is better than another one's. @param {string} demo */
  stands(demo) {
    if (demo === this.demo) return;
    this.demo = demo;
    this.askMs = -Infinity;
    this.kept = '';
    this.bytes = null;
    delete document.body.dataset.reserve;
  }

  /** @param {string} wanted */
  async fetch(wanted) {
    const { demo } = this;
    const answer = await fetch('api/show/reserve', { credentials: 'same-origin', cache: 'no-store' }).catch(() => null);
    const bytes = answer?.ok ? await answer.arrayBuffer().catch(() => null) : null;
    if (!bytes || this.on || demo !== this.demo) return;
    this.bytes = bytes;
    this.kept = wanted;
    this.askMs = -Infinity;
    document.body.dataset.reserve = 'ready';
  }

  /** What the connection does; true when the page is not to hear of it. @param {Event} event @param {number} nowMs */
  hears(event, nowMs) {
    if (event.type === 'closed' && Number.isNaN(this.lostMs)) this.lostMs = nowMs;
    if (event.type === 'message') this.lostMs = NaN;
    if (!this.on) {
      if (!this.ready || event.type === 'opened') return false;
      if (event.type === 'closed') this.dispatch({ type: 'notice', text: OFFER });
      else if (event.type === 'message' && event.message.type === 'hello') this.dispatch({ type: 'notice', text: '' });
      return false;
    }
    const back = event.type === 'message';
    if (event.type !== 'opened' && back !== this.back) this.say(back);
    return true;
  }

  /** @param {boolean} back whether the server is there again */
  say(back) {
    this.back = back;
    this.dispatch({ type: 'notice', text: back ? BACK : this.over ? OVER : PLAYS });
  }

  /** Whether it has been played to its end. */
  get over() {
    return this.on && this.player?.playing === false;
  }

  /** The presenter's key: true when this is what it was for. @param {State} state @param {number} nowMs */
  pressed({ connection, show }, nowMs) {
    if (!this.on) {
      if (connection === 'open' || !this.ready) return false;
      void this.play(show);
    } else if (!this.back) {
      if (this.over) this.begin();
      else this.dispatch({ type: 'notice', text: `${PLAYS}, until it is there again` });
    } else if (nowMs < this.sureUntilMs) {
      this.stop();
    } else {
      this.sureUntilMs = nowMs + CONFIRM_MS;
      this.dispatch({ type: 'notice', text: SURE });
    }
    return true;
  }

  /** @param {import('./types.js').Show} show what the presenter had set */
  async play(show) {
    if (this.on || !this.bytes) return;
    this.on = true;
    this.show = show;
    this.tape = new Tape(await inflate(this.bytes));
    this.begin();
    this.timer = window.setInterval(() => this.tick(), FRAME_MS);
  }

  /** From the first turn on: what was on the screen gives way. */
  begin() {
    if (!this.tape || !this.show) return;
    const { run, begin, end, frames } = this.tape.content;
    const { show } = this;
    const player = new Player(begin, end);
    player.seek(frames.find(({ state }) => state === 'racing')?.run_t_ns ?? begin);
    player.playing = true;
    this.player = player;
    this.told_t_ns = player.t_ns;
    const { power: history, powers } = this.tape.between(player.t_ns - HISTORY_NS, player.t_ns);
    this.tell({
      type: 'hello', protocol: 1, run: { ...run, replay: { ...run.replay, duration_ns: end } }, history, powers,
      frame: { ...this.tape.frame(player.t_ns), run_t_ns: player.t_ns, t_ns: clock_ns() },
      // The hall's phones are not with it: what they do is not on this screen.
      show: { ...show, frozen: false, join: null, bet: null, load: null, fallback: show.fallback && { ...show.fallback, on: true } },
    });
    this.dispatch({ type: 'closed', again: true, reason: '' }); // a hello from here is none from the server
    this.say(this.back);
  }

  /** The next frame; at the end it says so, once. */
  tick() {
    const { tape, player } = this;
    if (!tape || !player) return;
    const played = player.playing;
    player.tick(performance.now());
    this.tell({ ...tape.frame(player.t_ns), ...tape.between(this.told_t_ns, player.t_ns), type: 'frame', run_t_ns: player.t_ns });
    this.told_t_ns = player.t_ns;
    if (played && !player.playing) this.say(this.back);
  }

  /** @param {object} message of which the rest is the same for all */
  tell(message) {
    const whole = /** @type {any} */ ({ seq: 0, ...message, t_ns: clock_ns() });
    this.dispatch({ type: 'message', message: whole, nowMs: performance.now() });
  }

  /** Back to what the server says. */
  stop() {
    clearInterval(this.timer);
    this.on = this.back = false;
    this.tape = this.player = null;
    this.dispatch({ type: 'notice', text: '' });
    this.restart();
  }
}

/** This browser's clock in the place of the server's. */
function clock_ns() {
  return performance.now() * 1e6;
}
