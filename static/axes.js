import { element, setAttribute, svg } from './dom.js';

/**
 * @typedef {object} Frame what the axes and the trace agree on, in pixels and watts
 * @property {number} width
 * @property {number} height
 * @property {number} left
 * @property {number} right
 * @property {number} top
 * @property {number} bottom
 * @property {number} font
 * @property {number} max
 * @property {number[]} yTicks
 * @property {string[]} yLabels
 * @property {boolean} narrow whether three labels do not fit side by side
 *
 * @typedef {{at: number[], labels: string[]}} Times labels along the foot, `at` from -30 at the left edge to 0 at the right
 */

const BUNDLE = 'plotly.min.js';
const CONFIG = {
  staticPlot: true, displayModeBar: false, displaylogo: false, responsive: false,
  // The library's fourth version offers its maker's cloud by default.
  showSendToCloud: false, plotlyServerURL: '',
};

/** @type {Promise<any> | null} */
let loading = null;

/** The library, once; null when it cannot be had. @returns {Promise<any>} */
export function loadPlotly() {
  loading ??= new Promise((resolve) => {
    const script = document.createElement('script');
    const restore = withoutStyles();
    script.src = BUNDLE;
    script.onload = () => {
      restore();
      resolve(/** @type {any} */ (window).Plotly ?? null);
    };
    script.onerror = () => {
      restore();
      resolve(null);
    };
    document.head.append(script);
  });
  return loading;
}

/**
 * The bundle holds a map library whose first act is to write an inline style, which this page's security policy
 * refuses with an error on the console. While the bundle runs, style elements are templates, which style nothing.
 */
function withoutStyles() {
  const create = document.createElement;
  document.createElement = (/** @type {string} */ name, /** @type {ElementCreationOptions | undefined} */ options) => (
    create.call(document, name === 'style' ? 'template' : name, options));
  return () => { document.createElement = create; };
}

/**
 * Axes, grid and labels of one chart. The library draws what stands still, and is asked only when that changes: each
 * time costs it some 20 ms. Until it has come, and for good if it never does, a few lines of our own stand there. The
 * times along the foot are ours in any case: they move when somebody looks back.
 */
export class Axes {
  constructor() {
    this.grid = svg('g');
    this.times = svg('g');
    this.own = svg('svg', { class: 'axes-own', 'aria-hidden': 'true' }, this.grid, this.times);
    this.host = element('div', 'axes-plotly');
    this.root = element('div', 'axes', this.host, this.own);
    /** @type {any} */
    this.plotly = null;
    this.standing = '';
    this.timed = '';
  }

  /** @param {Frame} frame @param {Times} times */
  draw(frame, times) {
    const { width, height, font, max } = frame;
    const size = `${width} ${height} ${font}`;
    const standing = `${size} ${max} ${this.plotly !== null}`;
    if (standing !== this.standing) {
      this.standing = standing;
      setAttribute(this.own, 'font-size', String(font));
      if (this.plotly) this.plotly.react(this.host, [], layout(frame), CONFIG);
      this.grid.replaceChildren(...(this.plotly ? [] : sketch(frame)));
    }
    const timed = `${size} ${frame.left} ${times.at.join()} ${times.labels.join()}`;
    if (timed === this.timed) return;
    this.timed = timed;
    this.times.replaceChildren(...foot(frame, times));
  }

  purge() {
    this.plotly?.purge(this.host);
  }
}

/** The grid and the labels of power. @param {Frame} frame */
function sketch({ width, height, left, right, top, bottom, font, max, yTicks, yLabels }) {
  return yTicks.flatMap((tick, index) => {
    const y = height - bottom - (tick / max) * (height - bottom - top);
    return [svg('path', { class: 'axes-grid', d: `M${left} ${y}H${width - right}` }), label(yLabels[index], left - font * 0.3, y + font * 0.35, 'end')];
  });
}

/** @param {Frame} frame @param {Times} times */
function foot({ width, height, left, right, bottom, font }, { at, labels }) {
  return at.map((tick, index) => (
    label(labels[index], width - right + (tick / 30) * (width - left - right), height - bottom + font * 1.25, 'middle')));
}

/** @param {string} text @param {number} x @param {number} y @param {string} anchor */
function label(text, x, y, anchor) {
  return svg('text', { x: x.toFixed(1), y: y.toFixed(1), 'text-anchor': anchor }, new Text(text));
}

/** @param {Frame} frame */
function layout(frame) {
  const axis = {
    fixedrange: true, zeroline: false, showline: false, ticks: '', automargin: false, tickmode: 'array',
    tickangle: 0, tickfont: { size: frame.font }, title: { text: '' },
  };
  return {
    width: frame.width,
    height: frame.height,
    autosize: false,
    margin: { l: frame.left, r: frame.right, t: frame.top, b: frame.bottom, pad: 0, autoexpand: false },
    // Colours come from the theme's stylesheet, so that a change of theme needs no drawing.
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: { family: 'inherit', size: frame.font },
    showlegend: false,
    hovermode: false,
    dragmode: false,
    xaxis: { ...axis, showline: true, type: 'linear', range: [-30, 0], showticklabels: false, showgrid: false },
    yaxis: { ...axis, type: 'linear', range: [0, frame.max], tickvals: frame.yTicks, ticktext: frame.yLabels, ticklabelstandoff: frame.font * 0.3 },
  };
}
