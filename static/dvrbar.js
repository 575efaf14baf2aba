import { element, setAttribute, setStyle, setText, show, svg } from './dom.js';
import { areas } from './dvrcourse.js';
import { clockText, spanOf, words } from './dvrview.js';
import { button, face } from './face.js';

/** @typedef {import('./dvrview.js').View} View */
/** @typedef {import('./dvrcourse.js').Course} Course */
/** @typedef {{pause: () => void, live: () => void, closer: () => void, wider: () => void, key: (event: KeyboardEvent) => boolean,
 *   at: (share: number, begins: boolean) => void, dropped: () => void, step: (to: 'next' | 'previous') => void,
 *   hold: () => void, loop: () => void, send: () => void}} Orders */
/** @typedef {{view: View, end: number, total: number, what: 'live' | 'replay' | 'over', labels: string[], reading: string,
 *   course: Course, everyone: import('./types.js').Replay | null}} Shown `everyone`: the replay, for who may steer it */

const WIDTH = 1000; // of the overview's own pixels, which are stretched
const HEIGHT = 40;

/** The bar: buttons, the whole run in small, and where in it the charts are. */
export class Bar {
  /** @param {HTMLElement} root @param {Orders} orders */
  constructor(root, orders) {
    this.orders = orders;
    this.pause = button('dvr-pause', '', () => orders.pause());
    this.closer = button('dvr-zoom', '+', () => orders.closer(), 'Show less time, larger');
    this.wider = button('dvr-zoom', '−', () => orders.wider(), 'Show more time');
    this.live = button('dvr-live', 'Live', () => orders.live(), 'Back to what is newest');
    this.picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    this.handle = element('i', 'dvr-handle');
    this.played = element('i', 'dvr-played');
    this.slider = element('div', 'dvr-run', this.picture, this.played, this.handle);
    this.slider.tabIndex = 0;
    this.slider.setAttribute('role', 'slider');
    this.slider.setAttribute('aria-label', 'What the charts show of the run');
    this.slider.setAttribute('aria-valuemin', '0');
    this.words = element('p', 'dvr-words');
    this.words.setAttribute('role', 'status');
    this.exact = element('p', 'dvr-exact');
    this.said = element('div', 'dvr-said', this.words, this.exact);
    this.said.hidden = true;
    this.hold = button('', '', () => orders.hold());
    this.loop = button('', 'loop', () => orders.loop(), 'Everyone: begin again at the end');
    this.send = button('dvr-send', 'Show all', () => orders.send(), 'Everyone: play from what the charts show here');
    this.everyone = element('div', 'dvr-everyone',
      button('', 'previous', () => orders.step('previous'), 'Everyone: a turn back'), this.hold,
      button('', 'next', () => orders.step('next'), 'Everyone: to the next turn'), this.loop, this.send);
    this.everyone.setAttribute('role', 'group');
    this.everyone.setAttribute('aria-label', 'The replay, on every screen');
    this.everyone.hidden = true;
    this.root = element('div', 'dvr-bar', this.said,
      element('div', 'dvr-row', this.everyone, this.pause, this.slider, element('div', 'dvr-back', this.wider, this.closer, this.live)));
    root.setAttribute('role', 'group');
    root.setAttribute('aria-label', 'Look back, on this screen only');
    this.root.setAttribute('data-own-keys', '');
    root.append(this.root);
    this.listen();
    this.drawn = '';
    this.drawPause(false);
  }

  listen() {
    const share = (/** @type {PointerEvent} */ event) => {
      const box = this.slider.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
    };
    this.slider.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.slider.setPointerCapture(event.pointerId);
      this.slider.focus({ preventScroll: true });
      this.orders.at(share(event), true);
    });
    this.slider.addEventListener('pointermove', (event) => {
      if (this.slider.hasPointerCapture(event.pointerId)) this.orders.at(share(event), false);
    });
    this.slider.addEventListener('lostpointercapture', () => this.orders.dropped());
    this.root.addEventListener('keydown', (event) => {
      const pressed = event.target instanceof HTMLButtonElement && (event.key === ' ' || event.key === 'Enter');
      if (pressed || !this.orders.key(event)) return;
      event.preventDefault();
      event.stopPropagation(); // the presenter's arrows change turns for everyone
    });
  }

  /** @param {Shown} shown */
  draw(shown) {
    const { view, end, total, what } = shown;
    const { from, to } = spanOf(view, end);
    const said = words(view, end, what);
    const live = what === 'live' ? 'Live' : 'Newest';
    this.drawPause(view.kind === 'paused');
    setText(this.live, live);
    setAttribute(this.live, 'aria-pressed', String(view.kind === 'live'));
    setText(this.words, said);
    setText(this.exact, said && shown.reading);
    show(this.said, said !== '');
    const part = (/** @type {number} */ t) => `${(100 * Math.min(1, Math.max(0, t / total))).toFixed(2)}%`;
    setStyle(this.handle, 'left', part(from));
    setStyle(this.handle, 'right', `${(100 - 100 * Math.min(1, Math.max(0, to / total))).toFixed(2)}%`);
    setStyle(this.played, 'left', part(end));
    setAttribute(this.slider, 'aria-valuemax', String(Math.round(end / 1e9)));
    setAttribute(this.slider, 'aria-valuenow', String(Math.round(Math.min(to, end) / 1e9)));
    setAttribute(this.slider, 'aria-valuetext', `${clockText(Math.max(0, from))} to ${clockText(to)}${said ? '' : ', the newest'}`);
    this.drawCourse(shown);
    this.drawEveryone(shown.everyone, view);
  }

  /** @param {boolean} paused */
  drawPause(paused) {
    face(this.pause, paused ? 'play' : 'pause', paused ? 'Go on from here, on this screen' : 'Hold the charts of this screen');
  }

  /** @param {Shown} shown */
  drawCourse({ course, labels, total }) {
    const key = `${course.version} ${Math.round(total / 5e8)} ${labels.join()}`;
    if (key === this.drawn) return;
    this.drawn = key;
    const top = course.peak() || 1;
    const made = areas(course.power, labels, (t) => (t / total) * WIDTH, (watts) => HEIGHT * (1 - watts / top));
    this.picture.replaceChildren(...made.map((d, slot) => svg('path', { d, 'data-slot': slot < labels.length ? String(slot) : '-1' })));
  }

  /** @param {import('./types.js').Replay | null} replay @param {View} view */
  drawEveryone(replay, view) {
    show(this.everyone, replay !== null);
    if (!replay) return;
    face(this.hold, replay.paused ? 'play' : 'pause', replay.paused ? 'Everyone: go on' : 'Everyone: hold the replay');
    setAttribute(this.loop, 'aria-pressed', String(replay.loop === true));
    show(this.send, view.kind !== 'live');
  }
}
