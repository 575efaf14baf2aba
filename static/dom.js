/** Writes to the page that cost nothing when nothing has changed. Text is only ever set as text. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [className]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, className = '', ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** @param {string} text @param {() => void} act */
export function button(text, act) {
  const node = element('button', '', text);
  node.type = 'button';
  node.addEventListener('click', act);
  return node;
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** @param {string} id */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node;
}

/** @param {Element} node @param {string} text */
export function setText(node, text) {
  const first = node.firstChild;
  if (first instanceof Text && !first.nextSibling) {
    if (first.data !== text) first.data = text;
  } else if (node.textContent !== text) {
    node.textContent = text;
  }
}

/**
 * A text that takes room only while there is one. Style sheets leave `:empty` and `:has()` alone in what changes several
 * times a second: the browser would look at the whole page again for every word.
 * @param {Element} node @param {string} text
 */
export function say(node, text) {
  setText(node, text);
  show(node, text !== '');
}

/** @param {Element} node @param {string} name @param {string} value */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** @param {HTMLElement | SVGElement} node @param {string} name @param {string} value */
export function setStyle(node, name, value) {
  if (node.style.getPropertyValue(name) !== value) node.style.setProperty(name, value);
}

/** @param {Element} node @param {boolean} shown */
export function show(node, shown) {
  if (node.hasAttribute('hidden') === shown) node.toggleAttribute('hidden', !shown);
}
