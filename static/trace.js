import { element, setAttribute, setStyle, svg } from './dom.js';

/** @typedef {{width: number, height: number, left: number, top: number}} Plot the plot area in a chart */
/** @typedef {{own: string, other: string, envelope: string}} Paths */

/**
 * The picture over the axes: envelope, mean line, the thin line of other times, and a marker at the newest point.
 * Paths are written when data comes; between two frames only the whole picture moves, which nothing needs be laid out
 * for. It is no layer of its own: without a GPU those cost more than they save.
 */
export class Trace {
  constructor() {
    this.band = svg('rect', { class: 'trace-band' });
    this.bandName = svg('text', { class: 'trace-band-name' }, new Text('steady state'));
    this.reading = svg('path', { class: 'trace-prefill' });
    this.readingName = svg('text', { class: 'trace-prefill-name', x: '4' }, new Text('▮ reads prompts'));
    this.envelope = svg('path', { class: 'trace-envelope' });
    this.other = svg('path', { class: 'trace-other' });
    this.own = svg('path', { class: 'trace-own' });
    this.tail = { envelope: svg('path', { class: 'trace-envelope' }), other: svg('path', { class: 'trace-other' }), own: svg('path', { class: 'trace-own' }) };
    this.marker = svg('circle', { class: 'trace-marker', visibility: 'hidden' });
    this.area = svg('svg', { class: 'trace-area' }, this.band, this.bandName, this.envelope, this.tail.envelope,
      this.other, this.tail.other, this.own, this.tail.own, this.reading, this.marker);
    this.moving = element('div', 'trace-moving', this.area);
    this.still = svg('svg', { class: 'trace-still' }, this.readingName);
    this.root = element('div', 'trace', this.moving, this.still);
    this.root.setAttribute('aria-hidden', 'true');
    this.shifted = 0;
  }

  /** Left of the plot everything is cut off; the marker may reach over its other edges. @param {Plot} plot @param {number} radius of the marker */
  place(plot, radius) {
    setStyle(this.root, 'left', `${plot.left}px`);
    setStyle(this.root, 'padding-top', `${plot.top}px`);
    setStyle(this.still, 'top', `${plot.top}px`);
    for (const area of [this.area, this.still]) {
      setAttribute(area, 'width', String(plot.width));
      setAttribute(area, 'height', String(plot.height));
    }
    setAttribute(this.marker, 'r', String(radius));
  }

  /** @param {Paths | null} whole null leaves it as it is @param {Paths} tail what has been added since */
  draw(whole, tail) {
    if (whole) write(this, whole);
    write(this.tail, tail);
  }

  /** Whether there is any line. */
  get charted() {
    return [this.own, this.tail.own].some((path) => path.getAttribute('d'));
  }

  /** The time that the figures are about. @param {number} from @param {number} to pixels @param {number} tall @param {number} font */
  steady(from, to, tall, font) {
    const wide = Math.max(0, to - from);
    setAttribute(this.band, 'x', from.toFixed(1));
    setAttribute(this.band, 'width', wide.toFixed(1));
    setAttribute(this.band, 'height', String(tall));
    const size = font * 0.86;
    setAttribute(this.bandName, 'font-size', size.toFixed(1));
    setAttribute(this.bandName, 'x', (from + size * 0.4).toFixed(1));
    const foot = this.reading.getAttribute('d') ? size * 1.1 : tall - size * 0.5; // the ribbon's place is at the foot
    setAttribute(this.bandName, 'y', foot.toFixed(1));
    setAttribute(this.bandName, 'visibility', wide > size * 7 && tall > size * 4 ? 'visible' : 'hidden');
  }

  /** The time in which prompts were read. @param {string} path @param {number} tall @param {number} high of the ribbon */
  prefill(path, tall, high) {
    setAttribute(this.reading, 'd', path);
    setAttribute(this.readingName, 'visibility', path === '' ? 'hidden' : 'visible');
    setAttribute(this.readingName, 'y', String(tall - high * 1.8));
    setAttribute(this.readingName, 'font-size', (high * 1.7).toFixed(1));
  }

  /** @param {number} pixels how far the picture has moved since it was drawn */
  shift(pixels) {
    const tenths = Math.round(pixels * 10);
    if (tenths === this.shifted) return;
    this.shifted = tenths;
    this.moving.style.transform = `translateX(${tenths / 10}px)`;
  }

  /** @param {number | null} x null hides the marker @param {number} y both in the plot */
  point(x, y) {
    setAttribute(this.marker, 'visibility', x === null ? 'hidden' : 'visible');
    if (x === null) return;
    setAttribute(this.marker, 'cx', x.toFixed(1));
    setAttribute(this.marker, 'cy', y.toFixed(1));
  }
}

/** @param {Record<keyof Paths, SVGPathElement>} nodes @param {Paths} paths */
function write(nodes, { own, other, envelope }) {
  nodes.own.setAttribute('d', own);
  nodes.other.setAttribute('d', other);
  nodes.envelope.setAttribute('d', envelope);
}
