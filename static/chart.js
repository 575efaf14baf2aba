import { Axes } from './axes.js';
import { Points, decimate } from './decimate.js';
import { element, setAttribute } from './dom.js';
import { paths } from './paths.js';
import { tickLabels, ticks } from './scale.js';
import { Trace } from './trace.js';
import { MEAN, T, Track, WINDOW_NS } from './track.js';

const MOST_POINTS = 640;
const X_TICKS = [-20, -10, 0];
const points = new Points(2048);

/**
 * One arm's power over 30 s. It rolls while the arm runs; while the arm rests its last turn stays where it ended.
 */
export class Chart {
  /** @param {number} slot @param {string} label */
  constructor(slot, label) {
    this.slot = slot;
    this.axes = new Axes();
    this.trace = new Trace();
    this.root = element('div', 'chart', this.axes.root, this.trace.root);
    this.root.setAttribute('role', 'img');
    this.root.setAttribute('aria-label', `Power while arm ${label} runs, over 30 seconds`);
    /** @type {import('./axes.js').Frame | null} */
    this.frame = null;
    this.drawn = '';
    this.axesDrawn = '';
    this.head_t_ns = NaN;
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
    this.measure(max, ghost !== undefined);
    if (!this.frame) return;
    setAttribute(this.root, 'data-mode', ghost ? 'ghost' : 'rolling');
    const end = ghost ? ghost.end_t_ns : run_t_ns;
    if (!(end > 0)) return this.clear();
    const key = `${ghost ? ghost.end_t_ns : track.version} ${ghost !== undefined} ${steady?.join()} ${this.axesDrawn}`;
    if (key !== this.drawn) {
      this.redraw(ghost?.ring ?? track.ring, end);
      this.band(steady, end);
    }
    this.drawn = key;
    if (!ghost) this.scroll(track, end);
  }

  /** Nothing to show: before a run, or after another one has begun. */
  clear() {
    if (this.drawn === 'nothing') return;
    this.trace.draw({ own: '', other: '', envelope: '' });
    this.trace.steady(0, 0, 0, 16);
    this.trace.point(null, 0);
    this.drawn = 'nothing';
  }

  /** Reads the size when it has changed, and draws the axes when they have. @param {number} max @param {boolean} resting */
  measure(max, resting) {
    if (this.resized) {
      this.box = { width: this.root.clientWidth, height: this.root.clientHeight };
      this.font = Math.round(parseFloat(getComputedStyle(this.root).fontSize) * 10) / 10;
      this.resized = false;
    }
    const { width, height } = this.box ?? { width: 0, height: 0 };
    if (width < 60 || height < 40) {
      this.frame = null;
      return;
    }
    const key = `${width} ${height} ${this.font} ${max} ${resting} ${this.axes.plotly !== null}`;
    if (key === this.axesDrawn) return;
    this.axesDrawn = key;
    this.frame = frame(width, height, this.font ?? 16, max, resting);
    this.axes.draw(this.frame);
    const { left, top, right, bottom } = this.frame;
    this.trace.place({ left, top, width: width - left - right, height: height - top - bottom }, this.frame.font * 0.32);
  }

  /** @param {import('./ring.js').Ring} ring @param {number} end_t_ns at the right edge */
  redraw(ring, end_t_ns) {
    const { plot, y } = this.geometry();
    const perNs = plot / WINDOW_NS;
    // A little more than the window, so that the left edge is not seen to crawl.
    decimate(ring, end_t_ns - WINDOW_NS * 1.03, WINDOW_NS, Math.min(MOST_POINTS, Math.ceil(plot)), points);
    this.trace.draw(paths(points, this.slot, (t) => plot + (t - end_t_ns) * perNs, y, Track.gap(ring)));
    this.trace.shift(0);
    this.trace.point(null, 0);
    this.head_t_ns = end_t_ns;
  }

  /** The steady state, which energy per token is about. @param {[number, number | null] | undefined} steady @param {number} end_t_ns */
  band(steady, end_t_ns) {
    const { plot, tall } = this.geometry();
    const begin = steady ? Math.max(0, plot + (steady[0] - end_t_ns) * (plot / WINDOW_NS)) : plot;
    const end = steady ? Math.min(plot, plot + ((steady[1] ?? end_t_ns) - end_t_ns) * (plot / WINDOW_NS)) : 0;
    this.trace.steady(begin, end, tall, this.frame?.font ?? 16);
  }

  /** @param {Track} track @param {number} run_t_ns */
  scroll(track, run_t_ns) {
    const { plot, left, y } = this.geometry();
    const perNs = plot / WINDOW_NS;
    this.trace.shift((this.head_t_ns - run_t_ns) * perNs);
    const watts = track.ring.last(MEAN);
    const x = left + plot + Math.min(0, (track.ring.last(T) - run_t_ns) * perNs);
    const visible = !Number.isNaN(watts) && x > left;
    this.trace.point(visible ? x : null, (this.frame?.top ?? 0) + y(watts));
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

/** @param {number} width @param {number} height @param {number} font @param {number} max @param {boolean} resting */
function frame(width, height, font, max, resting) {
  const yTicks = height < font * 6 ? [0, max] : ticks(max);
  const yLabels = tickLabels(yTicks);
  const longest = Math.max(...yLabels.map((text) => text.length));
  return {
    width, height, font, yTicks, yLabels,
    max: max * 1.06, // room for the line at the top tick
    left: Math.round(font * Math.max(3.2, longest * 0.62 + 0.4)),
    right: Math.round(font * 1.3),
    top: Math.round(font * 0.7),
    bottom: Math.round(font * 1.45),
    xTicks: X_TICKS,
    xLabels: ['−20 s', '−10', resting ? 'end' : 'now'],
  };
}
