import { post } from './desk.js';
import { Bar } from './dvrbar.js';
import { Course } from './dvrcourse.js';
import { AGAIN_MS, Past, askPages } from './dvrpast.js';
import { LIVE, USUAL_NS, centre, pause, play, shift, spanOf, stride, zoom } from './dvrview.js';
import { Gestures } from './dvrhand.js';
import { Reader, readingAt, readingText } from './dvrread.js';
import { setAttribute } from './dom.js';
import { isOwn } from './keys.js';
import { media } from './media.js';
import { niceMax } from './scale.js';
import { arms, ended } from './state.js';
import { Tracks } from './tracks.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./types.js').Message} Message */
/** @typedef {{root: HTMLElement, spot: (clientX: number) => import('./dvrread.js').Spot | null}} Chart */
/** @typedef {{state: State, tracks: Tracks, run_t_ns: number, max: number}} Picture */

const SHOWN_MS = 4000;
const DRAW_EVERY_MS = 100;
const COURSE_POINTS = 600;
const NARROW = '(max-width: 700px)'; // where, and on the viewers' page, the bar is always there: dvr.css

/** Looking back, on this screen only: pause, any part of the run, zoom, exact values, and back to live. */
export class Dvr {
  /** @param {HTMLElement} root @param {() => Chart[]} charts what is on the page now */
  constructor(root, charts) {
    this.root = root;
    this.charts = charts;
    /** @type {import('./dvrview.js').View} */
    this.view = LIVE;
    this.past = new Past();
    this.course = new Course();
    this.reader = new Reader();
    this.loaded = false;
    /** Where the run is, and how long it will be; both as far as known. */
    this.end = 0;
    this.total = USUAL_NS;
    this.drawnMs = -Infinity;
    this.shownMs = -Infinity;
    this.drawnSpan = '';
    this.version = 0;
    /** @type {Tracks | null} */
    this.tracks = null;
    /** @type {State | null} */
    this.state = null;
    this.grip = 0;
    /** whether somebody has the pointer or the keyboard on the bar */
    this.touched = false;
    this.narrow = media(NARROW);
    this.bar = new Bar(root, {
      pause: () => this.go(this.view.kind === 'paused' ? play(this.view, this.end) : pause(this.view, this.end)),
      live: () => this.go(LIVE),
      closer: () => this.zoom(1 / 1.5),
      wider: () => this.zoom(1.5),
      key: (event) => this.key(event),
      at: (share, begins) => this.drag(share * this.total, begins),
      dropped: () => this.drop(),
      step: (to) => this.ask({ step: to }),
      hold: () => this.ask({ paused: !this.state?.run?.replay?.paused }),
      loop: () => this.ask({ loop: !this.state?.run?.replay?.loop }),
      send: () => this.send(),
    });
    this.hand = new Gestures(charts, {
      moved: () => this.wake(),
      zoom: (factor, at) => this.go(zoom(this.view, factor, at, this.end)),
      shift: (share) => this.go(shift(this.view, share * (this.span().to - this.span().from), this.end)),
    });
    document.addEventListener('keydown', (event) => this.pressed(event));
    for (const name of ['pointerenter', 'focusin']) root.addEventListener(name, () => this.touch(true));
    for (const name of ['pointerleave', 'focusout']) root.addEventListener(name, () => this.touch(false));
  }

  span() {
    return spanOf(this.view, this.end);
  }

  /** @param {import('./dvrview.js').View} view */
  go(view) {
    this.view = view;
    this.drawnMs = -Infinity;
    this.wake();
  }

  /** @param {number} factor around the middle; at live, the newest stays at the right edge */
  zoom(factor) {
    const { from, to } = this.span();
    this.go(zoom(this.view, factor, this.view.kind === 'paused' ? (from + to) / 2 : to, this.end));
  }

  /** @param {number} at where on the run's clock the pointer is @param {boolean} begins */
  drag(at, begins) {
    const { from, to } = this.span();
    // Who takes hold of the handle moves it from where it is; who points beside it calls it there.
    if (begins) this.grip = at >= from && at <= to ? at - (from + to) / 2 : 0;
    this.go(centre(this.view, at - this.grip, this.end));
  }

  /** Let go at the right end, it is live again. */
  drop() {
    if (this.view.kind === 'paused' && this.view.span.to >= this.end - this.total / 100) this.go(play({ ...this.view }, this.view.span.to));
  }

  /** What everyone sees. @param {object} wishes */
  async ask(wishes) {
    await post('api/replay', wishes);
  }

  async send() {
    const { from } = this.span();
    await this.ask({ seek_ns: Math.max(0, Math.round(from)) });
    this.go(LIVE);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    // A presenter's keys are for everyone: this screen's bar comes only to be reached.
    if (this.state?.control) {
      if (event.key === 'Tab') this.wake();
      return;
    }
    this.wake();
    if (event.defaultPrevented || isOwn(event) || document.querySelector('dialog[open]')) return;
    if (this.key(event)) event.preventDefault();
  }

  /** True when the key was one of ours. @param {KeyboardEvent} event */
  key({ key, shiftKey, ctrlKey, metaKey, altKey }) {
    if (ctrlKey || metaKey || altKey) return false;
    const step = stride(this.view, this.end) * (shiftKey ? 5 : 1);
    switch (key) {
      case ' ': this.bar.pause.click(); return true;
      case 'ArrowLeft': case 'ArrowDown': this.go(shift(this.view, -step, this.end)); return true;
      case 'ArrowRight': case 'ArrowUp': this.go(shift(this.view, step, this.end)); return true;
      case 'PageUp': this.go(shift(this.view, -5 * step, this.end)); return true;
      case 'PageDown': this.go(shift(this.view, 5 * step, this.end)); return true;
      case 'Home': this.go(shift(this.view, -this.end, this.end)); return true;
      case 'End': this.go(LIVE); return true;
      case '+': case '=': this.zoom(1 / 1.5); return true;
      case '-': this.zoom(1.5); return true;
      default: return false;
    }
  }

  /** Somebody is there: the bar shows for a while. */
  wake() {
    this.shownMs = performance.now();
    setAttribute(this.root, 'data-shown', 'true');
    if (!this.loaded) this.load();
  }

  /** @param {boolean} touched */
  touch(touched) {
    this.touched = touched;
    this.wake();
  }

  /** Keeps up with the stream; called after the state has taken the message. @param {Message} message @param {State} state */
  hear(message, state) {
    if (message.type === 'frame' && this.loaded && (message.run ?? undefined) === state.run?.id) this.course.push(message.power);
    if (message.type !== 'hello' || message.resumed) return;
    const labels = arms(state).map(({ label }) => label);
    const before = this.past;
    const now = message.frame?.run_t_ns ?? 0;
    const same = state.run?.id === before.run && labels.join() === before.labels.join() && now >= this.end - 1e9;
    if (same) return;
    this.view = LIVE;
    this.end = now;
    this.past.begin(state.run?.id ?? '', labels, state.run?.schedule?.mode);
    this.tracks = null;
    this.course.clear();
    this.loaded = false;
  }

  /** Brings the whole run's course, once somebody wants to see it. */
  async load() {
    this.loaded = true;
    const { run, asked } = this.past;
    if (!run) return;
    const power = await askPages(`from=0&to=${Math.round(this.end + 1e9)}&points=${COURSE_POINTS}`);
    if (asked !== this.past.asked) return;
    if (power?.run !== run) {
      window.setTimeout(() => { if (asked === this.past.asked) this.loaded = false; }, AGAIN_MS);
      return;
    }
    const since = this.course.power;
    this.course.clear();
    this.course.push(power);
    this.course.push(since);
  }

  /**
   * What to draw in place of the newest picture; the newest itself unless this screen looks back.
   * @template {Picture} P @param {P} picture @param {State} state the newest @param {number} nowMs @returns {P}
   */
  look(picture, state, nowMs) {
    this.state = state;
    if (picture.run_t_ns > 0) this.end = state.show.frozen ? Math.max(this.end, picture.run_t_ns) : picture.run_t_ns;
    this.total = Math.max(USUAL_NS, this.end, state.run?.replay?.duration_ns ?? 0);
    if (nowMs - this.drawnMs >= DRAW_EVERY_MS) {
      this.drawnMs = nowMs;
      this.draw(state, nowMs);
    }
    this.reader.draw(this.hand.spot(), this.past.labels);
    if (this.view.kind === 'live' || !this.past.run) return picture;
    const span = this.span();
    const tracks = this.window(span, picture.max, picture.tracks);
    return { ...picture, tracks, run_t_ns: span.to, max: Math.max(picture.max, niceMax(tracks.peak(span.from) * 1.06)) };
  }

  /** The tracks of a part of the run: in small at once, as measured when they have come. @param {import('./dvrview.js').Span} span @param {number} max @param {Tracks} now */
  window(span, max, now) {
    void this.past.want(span, this.end);
    const { kept, labels, mode, version } = this.past;
    const fits = kept !== null && kept.from <= Math.max(0, span.from) + 1 && kept.to >= Math.min(span.to, this.end) - 1;
    const key = `${span.to - span.from} ${fits ? version : `course ${this.course.version}`} ${max}`;
    if (this.tracks && key === this.drawnSpan) return this.tracks;
    this.drawnSpan = key;
    const tracks = fits && kept ? kept.tracks : new Tracks(labels, mode);
    if (!fits) tracks.replace(/** @type {any} */ ({ history: this.course.power }));
    this.version -= 1;
    for (const label of labels) {
      const prefills = now.of(label)?.prefills ?? new Map();
      Object.assign(tracks.of(label), { past: true, span_ns: span.to - span.from, version: this.version, prefills });
    }
    this.tracks = tracks;
    return tracks;
  }

  /** @param {State} state @param {number} nowMs */
  draw(state, nowMs) {
    const back = this.view.kind !== 'live';
    if (!back && !this.touched && nowMs - this.shownMs > SHOWN_MS) setAttribute(this.root, 'data-shown', 'false');
    setAttribute(this.root, 'data-empty', String(!this.past.run));
    setAttribute(document.body, 'data-look', back ? 'back' : 'live');
    // Asking the browser whether the bar is seen would make it work out the styles of the whole page, each time.
    const always = this.narrow.matches || this.root.parentElement?.classList.contains('view');
    if (this.root.getAttribute('data-shown') !== 'true' && !always) return;
    if (!this.loaded && this.past.run) this.load();
    const what = ended(state) ? 'over' : state.frame?.replay ? 'replay' : 'live';
    const steers = state.control && state.connection === 'open' && Boolean(state.frame?.replay);
    this.bar.draw({
      view: this.view, end: this.end, total: this.total, what, labels: this.past.labels, reading: this.reading(), course: this.course,
      everyone: steers ? state.run?.replay ?? {} : null,
    });
  }

  /** What was measured at the right edge: what the keyboard reads. */
  reading() {
    const track = this.tracks?.of(this.past.labels[0]);
    const found = this.view.kind === 'paused' && track ? readingAt(track.ring, this.span().to) : null;
    return found ? readingText(found, this.past.labels) : '';
  }
}
