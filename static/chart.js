import { Axes } from './axes.js';
import { Points, decimate } from './decimate.js';
import { element, setAttribute } from './dom.js';
import { timeTicks } from './dvrview.js';
import { paths } from './paths.js';
import { tickLabels, ticks } from './scale.js';
import { Trace } from './trace.js';
import { MEAN, T, Track } from './track.js';

const MOST_POINTS = 640;
const X_TICKS = [-20, -10, 0];
const RIBBON_EM = 0.5;
const PAST_STEPS = 300; // a picture of the past is made anew when it has moved by so small a part of its width
const LEAST_WIDE_EM = 8; // of a chart: with less there is no room for a plot between the labels
const LEAST_TALL_EM = 3.4;
const NARROW_EM = 13; // of a plot in whose width three labels do not fit
const WHOLE_PARTS = 6; // of the window: after one of them a picture that rolls is made whole again
const NO_PATHS = Object.freeze({ own: '', other: '', envelope: '' });
const points = new Points(2048);

/** @typedef {{ring: import('./ring.js').Ring, end: number, span_ns: number}} Shown what is drawn, with `end` at the right edge */

/**
 * One arm's power over 30 s. It rolls while the arm runs; while the arm rests its last turn stays where it ended. Of a
 * track of the past it shows that part of the run, whoever ran.
 */
export class Chart {
  /** @param {number} slot @param {string} name */
  constructor(slot, name) {
    this.slot = slot;
    this.axes = new Axes();
    this.trace = new Trace();
    this.root = element('div', 'chart', this.axes.root, this.trace.root);
    this.root.setAttribute('role', 'img');
    this.root.setAttribute('aria-label', `Power while ${name} runs, over 30 seconds`);
    /** @type {import('./axes.js').Frame | null} */
    this.frame = null;
    this.drawn = '';
    this.measured = '';
    /** What was at the right edge when the picture was made. */
    this.head_t_ns = NaN;
    /** What the picture holds to which a tail is added; null where it cannot be. @type {{epoch: number, ring: import('./ring.js').Ring, measured: string, last_t_ns: number} | null} */
    this.whole = null;
    /** @type {Shown | null} */
    this.shown = null;
    this.resized = true;
    this.observer = new ResizeObserver(() => { this.resized = true; });
    this.observer.observe(this.root);
  }

  /**
   * @param {Track} track
   * @param {number} run_t_ns
   * @param {number} max watts at the top
   * @param {boolean} active
   * @param {[number, number | null]} [steady] when the round's steady state began and ended
   */
  draw(track, run_t_ns, max, active, steady) {
    const ghost = active ? undefined : track.ghost(this.slot);
    const end = ghost ? ghost.end_t_ns : run_t_ns;
    this.measure(max);
    setAttribute(this.root, 'data-small', String(this.frame === null));
    if (!this.frame) return;
    this.axes.draw(this.frame, track.past ? timesOf({ from: end - track.span_ns, to: end }, this.frame.narrow) : usualTimes(this.frame.narrow, Boolean(ghost)));
    setAttribute(this.root, 'data-mode', track.past ? 'past' : ghost ? 'ghost' : 'rolling');
    if (!(end > 0)) return this.clear();
    this.shown = { ring: ghost?.ring ?? track.ring, end, span_ns: track.span_ns };
    const step = track.past ? Math.floor(end / (track.span_ns / PAST_STEPS)) : 0;
    const key = `${ghost ? ghost.end_t_ns : track.version} ${step} ${ghost !== undefined} ${steady?.join()} ${this.measured}`;
    if (key !== this.drawn) {
      this.drawn = key;
      this.redraw(this.shown, ghost || track.past ? null : track);
      this.ribbon(track, this.shown);
      this.band(steady, this.shown);
    }
    if (!ghost) this.trace.shift(-this.ahead(end));
  }

  /** Nothing to show: before a run, or after another one has begun. */
  clear() {
    if (this.drawn === 'nothing') return;
    this.trace.draw(NO_PATHS, NO_PATHS);
    this.whole = null;
    this.trace.steady(0, 0, 0, 16);
    this.trace.prefill('', 0, 0);
    this.trace.point(null, 0);
    this.drawn = 'nothing';
    this.shown = null;
  }

  /** What is shown at a place on the screen; null beside the plot. @param {number} clientX @returns {import('./dvrread.js').Spot | null} */
  spot(clientX) {
    if (!this.shown || !this.frame) return null;
    const box = this.root.getBoundingClientRect();
    const { left, top, bottom } = this.frame;
    const share = (clientX - box.left - left) / this.geometry().plot;
    if (share < 0 || share > 1) return null;
    const { ring, end, span_ns } = this.shown;
    return { ring, t_ns: end - (1 - share) * span_ns, max: this.frame.max, x: clientX, top: box.top + top, bottom: box.bottom - bottom };
  }

  /** Reads the size when it has changed. @param {number} max */
  measure(max) {
    if (this.resized) {
      this.box = { width: this.root.clientWidth, height: this.root.clientHeight };
      this.font = Math.round(parseFloat(getComputedStyle(this.root).fontSize) * 10) / 10;
      this.resized = false;
    }
    const { width, height } = this.box ?? { width: 0, height: 0 };
    const font = this.font ?? 16;
    if (width < font * LEAST_WIDE_EM || height < font * LEAST_TALL_EM) {
      this.frame = null;
      this.measured = '';
      return;
    }
    const key = `${width} ${height} ${font} ${max}`;
    if (this.frame && key === this.measured) return;
    this.measured = key;
    this.frame = frame(width, height, font, max);
    const { left, top, right, bottom } = this.frame;
    this.trace.place({ left, top, width: width - left - right, height: height - top - bottom }, this.frame.font * 0.32);
  }

  /**
   * A picture that rolls is made whole every few seconds; until then only its tail is made anew, which costs a tenth.
   * @param {Shown} shown @param {Track | null} rolling the track, where its newest point is in the picture and marked
   */
  redraw({ ring, end, span_ns }, rolling) {
    const { plot, y } = this.geometry();
    const whole = this.whole;
    const goesOn = rolling !== null && whole?.epoch === rolling.epoch && whole.ring === ring && whole.measured === this.measured
      && end >= this.head_t_ns && end - this.head_t_ns < span_ns / WHOLE_PARTS;
    if (!goesOn) {
      this.head_t_ns = end;
      // A little more than the window, so that the left edge is not seen to crawl.
      const from = end - span_ns * 1.03;
      // What fits is drawn as it is: a tail of it goes on in the same way.
      const fits = ring.length - ring.indexFrom(T, from) <= MOST_POINTS;
      const limit = fits ? Infinity : Math.min(MOST_POINTS, Math.ceil(plot));
      this.whole = rolling && fits ? { epoch: rolling.epoch, ring, measured: this.measured, last_t_ns: ring.last(T) } : null;
      this.trace.draw(this.pathsOf(decimate(ring, from, span_ns, limit, points), span_ns, ring), NO_PATHS);
      this.trace.shift(0);
    } else if (whole) {
      // Its first point is the last one of what stands.
      this.trace.draw(null, this.pathsOf(decimate(ring, whole.last_t_ns, span_ns, Infinity, points), span_ns, ring));
    }
    const x = plot + Math.min(this.ahead(end), (ring.last(T) - this.head_t_ns) * (plot / span_ns));
    const watts = ring.last(MEAN);
    this.trace.point(rolling && !Number.isNaN(watts) && x > this.ahead(end) ? x : null, y(watts));
  }

  /** @param {Points} of @param {number} span_ns @param {import('./ring.js').Ring} ring */
  pathsOf(of, span_ns, ring) {
    const { plot, y } = this.geometry();
    const perNs = plot / span_ns;
    return paths(of, this.slot, (t) => plot + (t - this.head_t_ns) * perNs, y, Track.gap(ring));
  }

  /** How many pixels the right edge of the plot is ahead of where it was when the picture was made. @param {number} end */
  ahead(end) {
    return (end - this.head_t_ns) * (this.geometry().plot / (this.shown?.span_ns ?? 1));
  }

  /** The steady state, which energy per token is about. @param {[number, number | null] | undefined} steady @param {Shown} shown */
  band(steady, { end: end_t_ns, span_ns }) {
    const { plot, tall } = this.geometry();
    const left = this.ahead(end_t_ns);
    const x = (/** @type {number} */ t_ns) => Math.min(left + plot, Math.max(left, plot + (t_ns - this.head_t_ns) * (plot / span_ns)));
    const [begin, end] = steady ? [x(steady[0]), x(steady[1] ?? end_t_ns)] : [0, 0];
    this.trace.steady(begin, end, tall, this.frame?.font ?? 16);
  }

  /** When prompts were read and when answers were written, under the line; only where the sensor can tell them apart.
   * @param {Track} track @param {Shown} shown */
  ribbon(track, { end, span_ns }) {
    const { plot, tall } = this.geometry();
    const x = (/** @type {number} */ t_ns) => Math.round((plot + (t_ns - this.head_t_ns) * (plot / span_ns)) * 10) / 10;
    const high = Math.round((this.frame?.font ?? 16) * RIBBON_EM);
    const spans = (track.prefills.get(track.labels[this.slot]) ?? []).filter(([, until]) => until > end - span_ns * 1.03 && until <= end);
    this.trace.prefill(spans.map(([from, until]) => `M${x(from)} ${tall - high}H${x(until)}V${tall}H${x(from)}Z`).join(''), tall, high);
  }

  geometry() {
    const { width, height, left, right, top, bottom, max } = /** @type {import('./axes.js').Frame} */ (this.frame);
    const tall = height - top - bottom;
    return { plot: width - left - right, left, tall, y: (/** @type {number} */ watts) => tall * (1 - watts / max) };
  }

  remove() {
    this.observer.disconnect();
    this.axes.purge();
    this.root.remove();
  }
}

/** @param {number} width @param {number} height @param {number} font @param {number} max */
function frame(width, height, font, max) {
  const yTicks = height < font * 6 ? [0, max] : ticks(max);
  const yLabels = tickLabels(yTicks);
  const longest = Math.max(...yLabels.map((text) => text.length));
  const left = Math.round(font * Math.max(3.2, longest * 0.62 + 0.4));
  const right = Math.round(font * 1.3);
  return {
    width, height, font, yTicks, yLabels, left, right,
    max: max * 1.06, // room for the line at the top tick
    top: Math.round(font * 0.7),
    bottom: Math.round(font * 1.45),
    narrow: width - left - right < font * NARROW_EM,
  };
}

/** @param {boolean} narrow @param {boolean} resting */
function usualTimes(narrow, resting) {
  return { at: narrow ? X_TICKS.filter((tick) => tick !== -10) : X_TICKS, labels: ['−20 s', ...(narrow ? [] : ['−10']), resting ? 'end' : 'now'] };
}

/** @param {import('./dvrview.js').Span} past @param {boolean} narrow */
function timesOf(past, narrow) {
  return timeTicks(past, -30, narrow ? 2 : 4);
}
