import { setAttribute, svg } from './dom.js';

/** @typedef {{width: number, height: number, left: number, top: number}} Plot the plot area in a chart */

/**
 * The picture over the axes: envelope, mean line, the thin line of other times, and a marker at the newest point.
 * Paths are written when data comes; between two frames only a transform moves.
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
    this.moving = svg('g', {}, this.band, this.bandName, this.envelope, this.other, this.own, this.reading);
    this.marker = svg('circle', { class: 'trace-marker' });
    this.area = svg('svg', { class: 'trace-area' }, this.moving, this.readingName);
    this.root = svg('svg', { class: 'trace', 'aria-hidden': 'true' }, this.area, this.marker);
  }

  /** @param {Plot} plot @param {number} radius of the marker */
  place(plot, radius) {
    setAttribute(this.area, 'x', String(plot.left));
    setAttribute(this.area, 'y', String(plot.top));
    setAttribute(this.area, 'width', String(plot.width));
    setAttribute(this.area, 'height', String(plot.height));
    setAttribute(this.marker, 'r', String(radius));
  }

  /** @param {{own: string, other: string, envelope: string}} paths */
  draw(paths) {
    setAttribute(this.own, 'd', paths.own);
    setAttribute(this.other, 'd', paths.other);
    setAttribute(this.envelope, 'd', paths.envelope);
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
    setAttribute(this.moving, 'transform', `translate(${Math.round(pixels * 10) / 10} 0)`);
  }

  /** @param {number | null} x @param {number} y null hides the marker */
  point(x, y) {
    setAttribute(this.marker, 'visibility', x === null ? 'hidden' : 'visible');
    if (x === null) return;
    setAttribute(this.marker, 'cx', x.toFixed(1));
    setAttribute(this.marker, 'cy', y.toFixed(1));
  }
}
