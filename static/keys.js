import { element } from './dom.js';

/**
 * The keyboard, for every page: one table, of which a page binds what it can do, and `?` shows what is bound.
 *
 * @typedef {{name: string, key: string, shown: string, says: string}} Key
 * @typedef {{act: () => void, when: () => boolean}} Binding
 */

/** @type {Key[]} */
export const KEYS = [
  { name: 'toggle', key: ' ', shown: 'Space', says: 'start the race; twice: stop it' },
  { name: 'next', key: 'ArrowRight', shown: '→', says: 'end this turn, or skip the wait' },
  { name: 'back', key: 'ArrowLeft', shown: '←', says: 'one turn back, in a recording' },
  { name: 'swap', key: 's', shown: 'S', says: 'swap the sides on the screen' },
  { name: 'freeze', key: 'f', shown: 'F', says: 'freeze the screen, or let it go on' },
  { name: 'verdict', key: 'v', shown: 'V', says: 'hide the verdict, or reveal it' },
  { name: 'fallback', key: 'r', shown: 'R', says: 'play the recording; twice: back to live' },
  { name: 'take', key: 't', shown: 'T', says: 'take control from another console' },
  { name: 'help', key: '?', shown: '?', says: 'show or close this list' },
];

/** What a page that may not control does with the same keys, on its own screen alone: looking back. */
export const LOOKING = [
  { shown: 'Space', says: 'hold this screen’s charts, or let them go on' },
  { shown: '← →', says: 'look back, and forward again' },
  { shown: '+ −', says: 'a closer look, or a wider one' },
  { shown: 'Home End', says: 'to the beginning, or back to live' },
];

const TICKED = ['checkbox', 'radio', 'button', 'submit', 'reset'];

/** Whether a key press belongs to what has the focus, and not to the page. @param {KeyboardEvent} event */
export function isTyping(event) {
  const { ctrlKey, metaKey, altKey, repeat } = event;
  return ctrlKey || metaKey || altKey || repeat || isOwn(event);
}

/** Whether what has the focus does something with the key. @param {Pick<KeyboardEvent, 'target' | 'key'>} event */
export function isOwn({ target, key }) {
  const { tagName = '', type = '' } = /** @type {HTMLInputElement | null} */ (target) ?? {};
  if (['SELECT', 'TEXTAREA'].includes(tagName)) return true;
  if (tagName !== 'INPUT') return key === ' ' && ['BUTTON', 'A', 'SUMMARY'].includes(tagName);
  if (TICKED.includes(type)) return key === ' ';
  return type !== 'range' || key.startsWith('Arrow');
}

/** Whether a click is all that it is for: not a field, nor a slider, whose arrows go on. @param {HTMLElement} node */
function isPressed(node) {
  return ['BUTTON', 'A', 'SUMMARY', 'SELECT'].includes(node.tagName) || TICKED.includes(/** @type {HTMLInputElement} */ (node).type);
}

/**
 * What was clicked gives the focus back, so that the next key is the page's: else space would press once more the button
 * that a mouse has pressed, and letters would go through a list that somebody has chosen from. Who walks by the keyboard
 * stays where he is.
 */
function releaseClicked() {
  let pointed = false;
  const release = () => {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    if (pointed && focused && isPressed(focused) && !focused.closest('dialog, [data-own-keys]')) focused.blur();
  };
  document.addEventListener('pointerdown', () => { pointed = true; }, true);
  document.addEventListener('keydown', () => { pointed = false; }, true);
  for (const name of ['change', 'click']) {
    document.addEventListener(name, ({ target }) => {
      // A list that has been opened waits for what is chosen from it.
      if (name === 'change' || /** @type {Element} */ (target)?.tagName !== 'SELECT') release();
    });
  }
}

/** Listens for the keys of the table. */
export class Keys {
  /** @param {Key[]} table */
  constructor(table = KEYS) {
    this.table = table;
    /** @type {Map<string, Binding>} */
    this.bindings = new Map();
    /** Whether the keys are for looking back. */
    this.looks = () => false;
    this.dialog = element('dialog', 'keys');
    this.dialog.setAttribute('aria-label', 'Keyboard');
    this.dialog.addEventListener('click', () => this.dialog.close());
    document.body.append(this.dialog);
    document.addEventListener('keydown', (event) => this.pressed(event));
    releaseClicked();
    this.bind('help', () => this.help());
  }

  /** @param {string} name in the table @param {() => void} act @param {() => boolean} [when] it can be done */
  bind(name, act, when = () => true) {
    this.bindings.set(name, { act, when });
    return this;
  }

  /** The rows of the table that can be done now. */
  possible() {
    return this.table.filter(({ name }) => this.bindings.get(name)?.when());
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (isTyping(event)) return;
    const row = this.possible().find(({ key }) => key === event.key || key === event.key.toLowerCase());
    if (!row || (this.dialog.open && row.name !== 'help')) return;
    event.preventDefault();
    this.bindings.get(row.name)?.act();
  }

  /** Shows the list, or closes it. */
  help() {
    if (this.dialog.open) {
      this.dialog.close();
      return;
    }
    const listed = [...(this.looks() ? LOOKING : []), ...this.possible()];
    const rows = listed.map(({ shown, says }) => element('tr', '',
      element('th', '', ...shown.split(' ').map((key) => element('kbd', '', key))), element('td', '', says)));
    const close = element('button', '', 'Close');
    close.type = 'button';
    this.dialog.replaceChildren(element('h2', '', 'Keyboard'), element('table', '', element('tbody', '', ...rows)), close);
    this.dialog.showModal();
  }
}
