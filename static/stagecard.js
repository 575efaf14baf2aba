import { BetBoard } from './betboard.js';
import { CrowdBoard } from './crowdboard.js';
import { setAttribute, show } from './dom.js';
import { JoinCard } from './joincard.js';

/** @typedef {import('./types.js').Show} Show */

/** What the projector shows for the audience beside the arms: the way in, the bet, the hall's questions. */
export class StageCard {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.join = new JoinCard();
    this.bet = new BetBoard();
    this.crowd = new CrowdBoard();
    this.cards = [this.join, this.bet, this.crowd];
    for (const card of this.cards) card.root.hidden = true;
    root.append(...this.cards.map((card) => card.root));
  }

  /**
   * @param {Show} state @param {Record<string, import('./types.js').ArmFigures>} figures of the arms
   * @param {boolean} recorded whether a recording is on the screen
   */
  draw(state, figures, recorded) {
    for (const card of this.cards) card.draw(state, figures, recorded);
    // A bet that goes on, or has just been told, needs room; without one the address has it, before the race.
    setAttribute(this.root, 'data-bet', state.bet?.state ?? 'off');
    setAttribute(this.root, 'data-join', String(!this.join.root.hidden));
    setAttribute(this.root, 'data-crowd', String(!this.crowd.root.hidden));
    setAttribute(this.root, 'data-bars', String(!this.bet.bars.root.hidden));
    show(this.root, this.cards.some(({ root }) => !root.hidden));
  }
}
