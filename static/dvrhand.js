/** @typedef {import('./dvr.js').Chart} Chart */
/** @typedef {{moved: () => void, zoom: (factor: number, at: number) => void, shift: (share: number) => void}} Orders */

const TAP_MS = 8000; // a tapped reading stays for a while: fingers cannot hover

/** What hands do on the charts: hover and tap to read, wheel and pinch to zoom. Scrolling the page stays the page's. */
export class Gestures {
  /** @param {() => Chart[]} charts @param {Orders} orders */
  constructor(charts, orders) {
    this.charts = charts;
    this.orders = orders;
    /** @type {{chart: Chart, x: number, untilMs: number} | null} */
    this.at = null;
    /** fingers on a chart @type {Map<number, number>} */
    this.fingers = new Map();
    this.apart = 0;
    document.addEventListener('pointermove', (event) => this.moved(event), { passive: true });
    document.addEventListener('pointerdown', (event) => this.down(event), { passive: true });
    for (const name of ['pointerup', 'pointercancel']) {
      document.addEventListener(name, (event) => this.up(/** @type {PointerEvent} */ (event)), { passive: true });
    }
    document.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    document.documentElement.addEventListener('pointerleave', ({ pointerType }) => {
      if (pointerType !== 'touch') this.at = null; // a finger that is lifted leaves, too
    });
  }

  /** Where a chart is pointed at now. */
  spot() {
    if (!this.at || performance.now() > this.at.untilMs) return null;
    return this.at.chart.root.isConnected ? this.at.chart.spot(this.at.x) : null;
  }

  /** @param {Event} event */
  chart({ target }) {
    return target instanceof Node ? this.charts().find(({ root }) => root.contains(target)) ?? null : null;
  }

  /** @param {PointerEvent} event */
  moved(event) {
    const chart = this.chart(event);
    if (event.pointerType === 'touch') {
      if (this.fingers.has(event.pointerId)) this.pinch(event, chart);
      if (chart && this.fingers.size === 1) this.at = { chart, x: event.clientX, untilMs: performance.now() + TAP_MS };
      return;
    }
    this.orders.moved();
    this.at = chart && { chart, x: event.clientX, untilMs: Infinity };
  }

  /** @param {PointerEvent} event */
  down(event) {
    this.orders.moved();
    const chart = this.chart(event);
    if (!chart || event.pointerType !== 'touch') {
      if (event.pointerType === 'touch') this.at = null;
      return;
    }
    this.fingers.set(event.pointerId, event.clientX);
    this.apart = 0;
    this.at = { chart, x: event.clientX, untilMs: performance.now() + TAP_MS };
  }

  /** @param {PointerEvent} event */
  up(event) {
    this.fingers.delete(event.pointerId);
    this.apart = 0;
  }

  /** @param {PointerEvent} event @param {Chart | null} chart */
  pinch(event, chart) {
    this.fingers.set(event.pointerId, event.clientX);
    if (this.fingers.size !== 2) return;
    const [one, other] = [...this.fingers.values()];
    const apart = Math.max(20, Math.abs(one - other));
    const at = (chart ?? this.at?.chart)?.spot((one + other) / 2)?.t_ns;
    if (this.apart && at !== undefined) this.orders.zoom(this.apart / apart, at);
    this.apart = apart;
    this.at = null;
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const spot = this.chart(event)?.spot(event.clientX);
    if (!spot) return;
    event.preventDefault();
    const pixels = event.deltaMode === 0 ? 1 : 30;
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
      this.orders.shift(((event.deltaX || event.deltaY) * pixels) / 800);
    } else {
      this.orders.zoom(Math.min(2, Math.max(0.5, 1.0015 ** (event.deltaY * pixels))), spot.t_ns);
    }
  }
}
