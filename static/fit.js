/** A digit's width in the font for which the sizes were drawn, in ems. */
const DRAWN_FOR = 0.585;

/**
 * Which font stands behind `system-ui` is the system's choice, and some are a quarter wider than others:
 * `--fit` makes the large figures as much smaller as their font is too wide.
 */
export function fitFont() {
  const context = document.createElement('canvas').getContext('2d');
  if (!context) return;
  context.font = `800 100px ${getComputedStyle(document.body).fontFamily}`;
  const digit = context.measureText('0').width / 100;
  document.documentElement.style.setProperty('--fit', Math.min(1, DRAWN_FOR / digit).toFixed(3));
}
