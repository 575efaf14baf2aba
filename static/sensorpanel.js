import { element, setAttribute, setText, show } from './dom.js';
import { sensorFigures, sensorLine } from './sensor.js';

/** @typedef {import('./types.js').Sensor} Sensor */
/** @typedef {import('./state.js').State} State */
/** @typedef {import('./reasons.js').Reasons} Reasons */

/** One line on the power sensor, which opens to the figures behind it. */
export class SensorPanel {
  /** @param {HTMLElement} root a details element */
  constructor(root) {
    this.root = /** @type {HTMLDetailsElement} */ (root);
    this.sign = element('span', 'sensor-sign');
    this.sign.setAttribute('aria-hidden', 'true');
    this.text = element('span', 'sensor-text');
    this.figures = element('dl');
    this.advice = element('div', 'sensor-advice');
    /** @type {HTMLElement[]} */
    this.values = [];
    root.append(
      element('summary', '', this.sign, this.text),
      element('div', 'sensor-card', this.advice, this.figures));
    root.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.root.open = false;
    });
  }

  /** @param {State} state @param {Reasons} reasons @param {number} nowMs when the picture is of */
  draw(state, reasons, nowMs) {
    const { sensor } = state;
    const line = sensorLine(state, reasons, nowMs);
    show(this.root, line !== null);
    if (!line || !sensor) return;
    setAttribute(this.root, 'data-tone', line.tone);
    setText(this.sign, line.sign);
    setText(this.text, line.text);
    if (this.root.open) this.drawFigures(sensor, reasons);
  }

  /** @param {Sensor} sensor @param {Reasons} reasons */
  drawFigures(sensor, reasons) {
    const figures = sensorFigures(sensor);
    if (!this.values.length) this.arrange(figures);
    figures.forEach(([, value], index) => setText(this.values[index], value));
    const advice = reasons.ranked(sensor.reasons);
    const key = advice.map(({ sentence, remedy }) => `${sentence} ${remedy}`).join('\n');
    if (key === this.advice.textContent) return;
    this.advice.replaceChildren(...advice.map(({ sentence, remedy }) => element('p', '', element('b', '', sentence), ` ${remedy}`)));
  }

  /** @param {[string, string][]} figures */
  arrange(figures) {
    this.values = figures.map(() => element('dd'));
    this.figures.append(...figures.map(([name], index) => element('div', '', element('dt', '', name), this.values[index])));
  }
}
