import { Points, decimate } from './decimate.js';
import { element, setAttribute, setText, show, svg } from './dom.js';
import { clockText } from './dvrview.js';
import { paths } from './paths.js';
import { tickLabels, ticks } from './scale.js';
import { Track } from './track.js';

const MOST_POINTS = 240; // a phone is some hundred pixels wide
const points = new Points(2048);

/** One arm's power over 30 s in a few paths of our own: what the hall's chart shows, for a page that loads no library. */
export class LightChart {
  /** @param {number} slot @param {string} label */
  constructor(slot, label) {
    this.slot = slot;
    this.grid = svg('path', { class: 'chart-grid' });
    this.envelope = svg('path', { class: 'chart-envelope' });
    this.other = svg('path', { class: 'chart-other' });
    this.own = svg('path', { class: 'chart-own' });
    this.picture = svg('svg', { class: 'chart-picture', preserveAspectRatio: 'none' }, this.grid, this.envelope, this.other, this.own);
    this.top = element('span', 'chart-top');
    this.middle = element('span', 'chart-middle');
    this.end = element('span', 'chart-end');
    this.begin = element('span', 'chart-begin');
    this.root = element('div', 'chart', this.picture, this.top, this.middle, this.begin, this.end);
    this.root.setAttribute('role', 'img');
    this.root.setAttribute('aria-label', `Power while arm ${label} runs, over 30 seconds`);
    this.width = 0;
    this.height = 0;
    this.drawn = '';
    /** @type {{ring: import('./ring.js').Ring, end: number, span_ns: number} | null} */
    this.shown = null;
    this.max = 100;
    this.observer = new ResizeObserver(([entry]) => {
      this.width = Math.round(entry.contentRect.width);
      this.height = Math.round(entry.contentRect.height);
    });
    this.observer.observe(this.picture);
  }

  /**
   * @param {Track} track
   * @param {number} run_t_ns
   * @param {number} max watts at the top
   * @param {boolean} active whether the arm runs; else its last turn stays where it ended
   */
  draw(track, run_t_ns, max, active) {
    const ghost = active ? undefined : track.ghost(this.slot);
    const end = ghost ? ghost.end_t_ns : run_t_ns;
    const known = end > 0 && this.width > 40 && this.height > 20;
    const key = `${this.width} ${this.height} ${max} ${known ? end : ''} ${ghost !== undefined} ${ghost ? '' : track.version}`;
    if (key === this.drawn) return;
    this.drawn = key;
    this.max = max;
    setAttribute(this.root, 'data-mode', track.past ? 'past' : ghost ? 'ghost' : 'rolling');
    const { span_ns } = track;
    this.drawAxes(max, track.past ? clockText(end, span_ns < 1e10 ? 1 : 0) : ghost ? 'end' : 'now');
    setText(this.begin, track.past ? clockText(end - span_ns, span_ns < 1e10 ? 1 : 0) : '−30 s');
    const ring = ghost?.ring ?? track.ring;
    this.shown = known ? { ring, end, span_ns } : null;
    points.length = 0;
    if (known) decimate(ring, end - span_ns, span_ns, Math.min(MOST_POINTS, this.width), points);
    const perNs = this.width / span_ns;
    const made = paths(points, this.slot, (t) => this.width + (t - end) * perNs, (watts) => this.height * (1 - watts / max), Track.gap(ring));
    setAttribute(this.envelope, 'd', made.envelope);
    setAttribute(this.other, 'd', made.other);
    setAttribute(this.own, 'd', made.own);
  }

  /** What is shown at a place on the screen; null beside the picture. @param {number} clientX @returns {import('./dvrread.js').Spot | null} */
  spot(clientX) {
    const box = this.picture.getBoundingClientRect();
    const share = (clientX - box.left) / Math.max(1, box.width);
    if (!this.shown || share < 0 || share > 1) return null;
    const { ring, end, span_ns } = this.shown;
    return { ring, t_ns: end - (1 - share) * span_ns, max: this.max, x: clientX, top: box.top, bottom: box.bottom };
  }

  /** @param {number} max @param {string} right what the right edge is */
  drawAxes(max, right) {
    const values = ticks(max);
    const labels = tickLabels(values);
    setText(this.top, labels[labels.length - 1]);
    setText(this.middle, values.length === 3 ? labels[1] : '');
    show(this.middle, values.length === 3);
    setText(this.end, right);
    setAttribute(this.picture, 'viewBox', `0 0 ${Math.max(1, this.width)} ${Math.max(1, this.height)}`);
    const lines = values.map((watts) => `M0 ${(this.height * (1 - watts / max)).toFixed(1)}H${this.width}`);
    setAttribute(this.grid, 'd', lines.join(''));
  }

  remove() {
    this.observer.disconnect();
    this.root.remove();
  }
}
