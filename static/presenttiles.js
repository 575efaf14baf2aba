import { request } from './actions.js';
import { savingText } from './bars.js';
import { element, setAttribute, setText } from './dom.js';
import { day, known } from './format.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {{name: string, title: string, says: string, on: boolean, able: boolean}} Tile */

/** What the presenter does to every screen, and how each of it stands. @param {State} state @returns {Tile[]} */
export function screenTiles(state) {
  const { show } = state;
  const labels = Object.keys(state.frame?.arms ?? {});
  const order = show.swapped ? [...labels].reverse() : labels;
  const { fallback } = show;
  return [
    { name: 'freeze', title: 'Freeze', says: show.frozen ? 'the picture is held' : 'the picture moves', on: show.frozen, able: true },
    { name: 'verdict', title: 'Hide verdict', says: show.verdict_hidden ? 'only you see it' : 'the hall sees it', on: show.verdict_hidden, able: true },
    { name: 'swap', title: 'Swap sides', says: order.join(' | ') || 'no arms yet', on: show.swapped, able: true },
    {
      name: 'fallback', title: fallback?.on ? 'Back to live' : 'Recording', says: recordingText(fallback),
      on: Boolean(fallback?.on), able: request('fallback', state) !== null,
    },
  ];
}

/** @param {import('./types.js').Fallback | null} fallback */
function recordingText(fallback) {
  if (!fallback) return 'not with this server';
  if (fallback.on) return 'it is on the screens';
  return fallback.available ? `of ${day(fallback.recorded_utc)}` : 'none yet: wattrace rehearse';
}

/** What the audience may do, and how each of it stands. @param {State} state @returns {Tile[]} */
export function audienceTiles({ show: { join, bet, load }, frame }) {
  return [
    { name: 'join', title: 'QR code', says: joinText(join, bet), on: Boolean(join?.shown), able: true },
    { name: 'bet', title: betStep(bet).title, says: betText(bet, Boolean(frame?.verdict)), on: bet?.state === 'open', able: true },
    ...(bet ? [{ name: 'bet-off', title: 'Take the bet off', says: 'and off the screens', on: false, able: true }] : []),
    {
      name: 'load', title: 'Crowd prompts', says: load?.open ? `${load.sent} sent, ${load.running} running` : 'closed',
      on: Boolean(load?.open), able: true,
    },
  ];
}

/** @param {import('./types.js').Join | null} join @param {import('./types.js').Bet | null} bet */
function joinText(join, bet) {
  if (!join?.shown) return 'not on the screen';
  return bet?.state === 'revealed' ? 'it makes room for the bet’s answer' : join.short;
}

/** What comes next for the bet. @param {import('./types.js').Bet | null} bet */
export function betStep(bet) {
  switch (bet?.state) {
    case 'open': return { title: 'Close the bet', state: 'closed' };
    case 'closed': return { title: 'Reveal the answer', state: 'revealed' };
    case 'revealed': return { title: 'Bet again', state: 'open' };
    default: return { title: 'Open the bet', state: 'open' };
  }
}

/** @param {import('./types.js').Bet | null} bet @param {boolean} decided whether there is a verdict, which has the answer */
function betText(bet, decided) {
  if (!bet) return 'no bet';
  const guesses = `${bet.guesses} ${bet.guesses === 1 ? 'guess' : 'guesses'}`;
  if (bet.state === 'closed' && !decided) return `closed, ${guesses}: the answer comes with the verdict`;
  if (bet.state !== 'revealed') return `${bet.state}, ${guesses}`;
  const told = known(bet.answer) ? `${bet.contender ?? 'the best arm'} ${savingText(bet.answer)}` : 'it was not measured';
  return `on the screens: ${told}, ${guesses}`;
}

/** Tiles in a container; `asked` gives what a tile asks before it does something that cannot be undone. */
export class Tiles {
  /** @param {HTMLElement} root @param {(name: string) => void} act @param {(name: string) => string} asked */
  constructor(root, act, asked = () => '') {
    this.root = root;
    this.act = act;
    this.asked = asked;
    /** @type {Map<string, HTMLButtonElement>} */
    this.buttons = new Map();
  }

  /** @param {Tile[]} tiles */
  draw(tiles) {
    const wanted = tiles.map(({ name }) => this.button(name));
    if (wanted.some((node, index) => this.root.children[index] !== node) || this.root.children.length !== wanted.length) {
      this.root.replaceChildren(...wanted);
    }
    tiles.forEach(({ name, title, says, on, able }, index) => {
      const [head, line] = wanted[index].children;
      setText(head, this.asked(name) || title);
      setText(line, says);
      setAttribute(wanted[index], 'aria-pressed', String(on));
      wanted[index].disabled = !able;
    });
  }

  /** @param {string} name */
  button(name) {
    const known = this.buttons.get(name);
    if (known) return known;
    const node = element('button', 'tile', element('span', 'tile-title'), element('span', 'tile-says'));
    node.type = 'button';
    node.dataset.name = name;
    node.addEventListener('click', () => this.act(name));
    this.buttons.set(name, node);
    return node;
  }
}
