import { button, setAttribute, setText, show } from './dom.js';

/** What anybody may do with the screen that is in front of them: nothing here touches the race. */
export class Tools {
  /** @param {HTMLElement} root @param {HTMLElement} figures the table @param {import('./tone.js').Tone} tone */
  constructor(root, figures, tone) {
    this.table = figures;
    this.figures = button('Figures as a table', () => this.unfold(figures.classList.contains('unseen')));
    this.figures.setAttribute('aria-expanded', 'false');
    this.figures.setAttribute('aria-controls', figures.id);
    this.tone = button('Tone', () => {
      tone.toggle();
      setAttribute(this.tone, 'aria-pressed', String(tone.on));
    });
    this.tone.title = 'A tone that follows the watts of the arm that runs, the first arm from the left';
    this.tone.setAttribute('aria-pressed', 'false');
    this.screen = button('Full screen', () => this.fill());
    show(this.screen, document.fullscreenEnabled);
    document.addEventListener('fullscreenchange', () => setText(this.screen, document.fullscreenElement ? 'Leave full screen' : 'Full screen'));
    root.append(this.figures, this.tone, this.screen);
    document.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape' && !document.querySelector('dialog[open]')) this.unfold(false);
    });
  }

  /** @param {boolean} open whether the figures are seen, too */
  unfold(open) {
    this.table.classList.toggle('unseen', !open);
    setAttribute(this.figures, 'aria-expanded', String(open));
  }

  async fill() {
    // A browser that refuses says so itself.
    await (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {});
  }
}

/** Asks that the screen stays on while this page is seen; where that cannot be had, nothing is lost but the light. */
export function keepAwake() {
  const ask = () => {
    if (document.visibilityState === 'visible') navigator.wakeLock?.request('screen').catch(() => {});
  };
  // A hidden page loses its lock.
  document.addEventListener('visibilitychange', ask);
  ask();
}
