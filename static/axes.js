import { element, setAttribute, show, svg } from './dom.js';

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
 * @property {number[]} xTicks seconds, 0 at the right edge
 * @property {string[]} xLabels
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

/** Axes, grid and labels of one chart: our own few lines until the library has come, and for good if it never does. */
export class Axes {
  constructor() {
    this.own = svg('svg', { class: 'axes-own', 'aria-hidden': 'true' });
    this.host = element('div', 'axes-plotly');
    this.root = element('div', 'axes', this.own, this.host);
    /** @type {any} */
    this.plotly = null;
  }

  /** @param {Frame} frame */
  draw(frame) {
    if (this.plotly) this.plotly.react(this.host, [], layout(frame), CONFIG);
    else this.sketch(frame);
    show(this.own, !this.plotly);
  }

  /** @param {Frame} frame */
  sketch(frame) {
    const { width, height, left, right, top, bottom, font } = frame;
    /** @type {SVGElement[]} */
    const nodes = [];
    frame.yTicks.forEach((tick, index) => {
      const y = height - bottom - (tick / frame.max) * (height - bottom - top);
      nodes.push(svg('path', { class: 'axes-grid', d: `M${left} ${y}H${width - right}` }));
      nodes.push(label(frame.yLabels[index], left - font * 0.3, y + font * 0.35, 'end'));
    });
    frame.xTicks.forEach((tick, index) => {
      const x = width - right + (tick / 30) * (width - left - right);
      nodes.push(label(frame.xLabels[index], x, height - bottom + font * 1.25, 'middle'));
    });
    setAttribute(this.own, 'font-size', String(font));
    this.own.replaceChildren(...nodes);
  }

  purge() {
    this.plotly?.purge(this.host);
  }
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
    xaxis: { ...axis, showline: true, type: 'linear', range: [-30, 0], tickvals: frame.xTicks, ticktext: frame.xLabels, showgrid: false },
    yaxis: { ...axis, type: 'linear', range: [0, frame.max], tickvals: frame.yTicks, ticktext: frame.yLabels, ticklabelstandoff: frame.font * 0.3 },
  };
}
