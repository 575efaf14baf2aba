// Which visible text does not have its place: cut off by a box, outside the window, or on other text. Evaluated in the page.
() => {
  const SLACK = 1.5; // pixels: glyphs are antialiased, boxes are rounded
  const pen = document.createElement('canvas').getContext('2d');

  // Whose overflow is by design: newest words of a long text, names and errors that end in an ellipsis, a row that fades out.
  const trimmed = (node) => node.closest('.text-window, .prompt, .panel-name, .reasons, .panel[data-state="failed"] .trouble, .turns, .race-track, .bet-closest b') !== null
    || node.closest('[data-may-end]') !== null;

  const hidden = (node) => !node.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    || node.closest('.unseen, .axes-plotly .main-svg:empty') !== null;

  /** The ink of a text node's lines: as tall as its capitals, not as its line box. */
  function inks(text) {
    const node = text.parentElement;
    const style = getComputedStyle(node);
    pen.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const sample = pen.measureText(text.data.trim());
    const range = document.createRange();
    range.selectNodeContents(text);
    return [...range.getClientRects()].filter(({ width, height }) => width > 0 && height > 0).map((box) => {
      const line = sample.fontBoundingBoxAscent + sample.fontBoundingBoxDescent;
      const base = box.top + (box.height - line) / 2 + sample.fontBoundingBoxAscent;
      return { left: box.left, right: box.right, top: base - sample.actualBoundingBoxAscent, bottom: base + sample.actualBoundingBoxDescent };
    });
  }

  /** The first box around the text that cuts part of it off. */
  function cutter(node, ink) {
    for (let box = node; box && box !== document.documentElement; box = box.parentElement) {
      const style = getComputedStyle(box);
      if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
      const edge = box.getBoundingClientRect();
      if (ink.left < edge.left - SLACK || ink.right > edge.right + SLACK || ink.top < edge.top - SLACK || ink.bottom > edge.bottom + SLACK) return box;
    }
    return null;
  }

  const say = (node) => `${node.className?.baseVal ?? node.className ?? ''} “${node.textContent.trim().slice(0, 40)}”`;
  const found = [];
  const all = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const node = text.parentElement;
    if (!text.data.trim() || /^(SCRIPT|STYLE|NOSCRIPT|OPTION)$/.test(node.tagName) || hidden(node)) continue;
    for (const ink of inks(text)) {
      const ends = trimmed(node);
      if (!ends && (ink.left < -SLACK || ink.right > innerWidth + SLACK)) found.push(`outside the window: ${say(node)}`);
      const box = ends ? null : cutter(node, ink);
      if (box) found.push(`cut off by .${box.className?.baseVal ?? box.className}: ${say(node)}`);
      all.push({ ...ink, node, ends });
    }
  }
  for (let one = 0; one < all.length; one += 1) {
    for (let two = one + 1; two < all.length; two += 1) {
      const [a, b] = [all[one], all[two]];
      if (a.ends || b.ends || a.node === b.node || a.node.contains(b.node) || b.node.contains(a.node)) continue;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > SLACK && tall > SLACK) found.push(`on each other: ${say(a.node)} and ${say(b.node)}`);
    }
  }
  // A text that is shown at all shows a line of it.
  for (const node of document.querySelectorAll('.text-window')) {
    if (hidden(node) || !node.textContent.trim()) continue;
    const { top, bottom, height } = node.getBoundingClientRect();
    const panel = node.closest('.panel').getBoundingClientRect();
    if (height < parseFloat(getComputedStyle(node).fontSize) || top < panel.top || bottom > panel.bottom + SLACK) found.push(`no line of it is seen: ${say(node)}`);
  }
  for (const node of document.querySelectorAll('.panel-name')) {
    if (!hidden(node) && node.scrollWidth > node.clientWidth + 1 && node.textContent.length < 12) found.push(`shortened: ${say(node)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) found.push('there is something to scroll sideways');
  // On a projector nothing is below the fold.
  const tall = document.documentElement.scrollHeight;
  if (document.querySelector('.page') && innerWidth > 700 && tall > innerHeight + 1) found.push(`there are ${tall - innerHeight} pixels to scroll down`);
  return found;
}
