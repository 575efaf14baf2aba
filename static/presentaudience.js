import { element, setText, show } from './dom.js';
import { short } from './format.js';
import { audienceTiles, betStep, Tiles } from './presenttiles.js';

/** @typedef {import('./presentstate.js').Present} Present */
/** @typedef {(path: string, body: object) => void} Post */

/** What the audience may do: find the page, bet, and send prompts; with the guesses to look through. */
export class Audience {
  /**
   * @param {{tiles: HTMLElement, ways: HTMLElement, guesses: HTMLDetailsElement}} parts
   * @param {Post} post
   */
  constructor(parts, post) {
    this.parts = parts;
    this.post = post;
    this.tiles = new Tiles(parts.tiles, (name) => this.act(name));
    this.way = /** @type {HTMLSelectElement} */ (parts.ways.querySelector('select'));
    this.listed = '';
    this.read = '';
    /** @type {Present | null} */
    this.state = null;
    this.way.addEventListener('change', () => this.state?.stream.show.join?.shown && this.showWay());
  }

  /** @param {string} name */
  act(name) {
    const show = this.state?.stream.show;
    if (!show) return;
    if (name === 'join' && show.join?.shown) this.post('api/show/join', { shown: false });
    else if (name === 'join') this.showWay();
    else if (name === 'bet') this.post('api/show/bet', { state: betStep(show.bet).state });
    else if (name === 'bet-off') this.post('api/show/bet', { state: 'off' });
    else if (name === 'load') this.post('api/show/load', { open: !show.load?.open });
  }

  showWay() {
    this.post('api/show/join', { address: this.way.value || null, shown: true });
  }

  /** @param {Present} state */
  draw(state) {
    this.state = state;
    const { guesses } = state;
    const ways = state.ways ?? [];
    this.tiles.draw(audienceTiles(state.stream));
    show(this.parts.ways, ways.length > 1);
    const listed = JSON.stringify(ways);
    if (listed !== this.listed) {
      this.listed = listed;
      const chosen = this.way.value;
      this.way.replaceChildren(...ways.map(({ address, short: words }) => {
        const option = element('option', '', words);
        option.value = address;
        return option;
      }));
      if (ways.some(({ address }) => address === chosen)) this.way.value = chosen;
    }
    show(this.parts.guesses, state.stream.show.bet !== null);
    const read = JSON.stringify(guesses);
    if (read !== this.read) {
      this.read = read;
      this.parts.guesses.children[1].replaceChildren(...guesses.map((guess) => this.guess(guess)));
    }
    const near = guesses.some((guess) => guess.near) ? ', the closest first' : '';
    setText(this.parts.guesses.children[0], `Look through ${guesses.length === 1 ? '1 guess' : `${guesses.length || 'the'} guesses`}${near}`);
  }

  /** @param {import('./presentstate.js').Guess} guess */
  guess({ id, nickname, guess, near }) {
    const remove = element('button', '', 'Remove');
    remove.type = 'button';
    const name = nickname || 'Anonymous';
    remove.setAttribute('aria-label', `Remove the guess of ${name}`);
    remove.addEventListener('click', () => this.post('api/show/bet/remove', { id }));
    return element('li', near ? 'near' : '', element('span', '', name), element('span', '', `${short(guess)} J`), remove);
  }
}
