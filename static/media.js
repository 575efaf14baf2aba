/**
 * A media query whose answer is kept: to be asked, a browser may have to work out the styles of the whole page first.
 * @param {string} query @returns {{matches: boolean}}
 */
export function media(query) {
  const list = matchMedia(query);
  const kept = { matches: list.matches };
  list.addEventListener('change', () => { kept.matches = list.matches; });
  return kept;
}
