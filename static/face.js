import { element, setAttribute, setText, svg } from './dom.js';

/** Drawn by ourselves: few fonts have these signs. */
const PICTURES = new Map([
  ['play', 'M7 4v16l13-8z'],
  ['pause', 'M6 4h4v16H6zM14 4h4v16h-4z'],
  ['previous', 'M5 4h3v16H5zM20 4v16L9 12z'],
  ['next', 'M16 4h3v16h-3zM4 4v16l11-8z'],
  ['loop', 'M12 4a8 8 0 1 0 8 8h-3a5 5 0 1 1-5-5v3l6-4.5L12 1z'],
]);

/** @param {string} name @param {string} text @param {() => void} act @param {string} [says] */
export function button(name, text, act, says) {
  const node = element('button', name);
  node.type = 'button';
  face(node, text, says ?? '');
  node.addEventListener('click', act);
  return node;
}

/** What a button shows, a picture or a word, and what it says it does. @param {HTMLElement} node @param {string} text @param {string} says */
export function face(node, text, says) {
  if (node.dataset.face !== text) {
    node.dataset.face = text;
    const d = PICTURES.get(text);
    if (d) node.replaceChildren(svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d })));
    else setText(node, text);
  }
  setAttribute(node, 'aria-label', says);
  setAttribute(node, 'title', says);
}
