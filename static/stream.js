import { afterClose } from './backoff.js';
import { EventLink, SocketLink } from './links.js';

/** @typedef {import('./types.js').Message} Message */

const ACK_EVERY = 6; // half of the server's credit, so that a slow way to it costs no frame
const SILENCE_MS = 5000;
const RESUMABLE_MS = 60_000;
const DEAF_SOCKETS = 2;

/**
 * The stream of messages: back again after a loss as its code allows, going on where it was, and by server-sent events
 * where WebSockets do not get through.
 * A hidden tab draws nothing; its frames only replace the state, so nothing is played fast when it comes back.
 */
export class Stream {
  /**
   * @param {{message: (message: Message) => void, open: () => void,
   *   closed: (delayMs: number | null, reason: string) => void}} on
   * @param {{prompt?: boolean}} [wishes] `prompt`: every frame at once, however many watch
   */
  constructor(on, { prompt = false } = {}) {
    this.on = on;
    this.prompt = prompt;
    this.attempt = 0;
    this.acked = 0;
    this.heardMs = -Infinity;
    /** sockets in a row that brought no message */
    this.deaf = 0;
    /** @type {{run: string, since: number} | null} what has been seen */
    this.seen = null;
    /** @type {SocketLink | EventLink | null} */
    this.link = null;
    this.opened = false;
    this.timer = 0;
    /** Credit counts from the first ack on, and a page that is still loading its charts answers nothing for a while. */
    this.acknowledges = false;
  }

  start() {
    document.addEventListener('visibilitychange', () => this.revive());
    window.setInterval(() => this.revive(), 1000);
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const Kind = usesEvents(this.deaf) ? EventLink : SocketLink;
    this.opened = false;
    /** @type {SocketLink | EventLink} */
    const link = new Kind(this.query(), {
      open: () => {
        if (link !== this.link) return;
        this.opened = true;
        this.heardMs = performance.now();
        this.on.open();
      },
      message: (data) => { if (link === this.link) this.receive(data); },
      lost: (code) => { if (link === this.link) this.lost(code); },
    });
    this.link = link;
  }

  /** What this page wants, and has seen, for the server to go on from there. */
  query() {
    const said = new URLSearchParams(this.prompt ? { prompt: '1' } : {});
    if (this.seen && performance.now() - this.heardMs <= RESUMABLE_MS) {
      said.set('run', this.seen.run);
      said.set('since', String(this.seen.since));
    }
    return said.size ? `?${said}` : '';
  }

  /** @param {string} data */
  receive(data) {
    this.heardMs = performance.now();
    const message = parse(data);
    if (!message) return;
    if (message.type === 'hello') {
      this.attempt = 0;
      this.deaf = 0;
      this.acked = message.seq;
      if (this.acknowledges && !message.resumed) this.link?.acknowledge(message.seq);
    } else if (message.type === 'frame') {
      this.seen = message.run ? { run: message.run, since: message.seq } : null;
      if (this.acknowledges && message.seq - this.acked >= ACK_EVERY) {
        this.acked = message.seq;
        this.link?.acknowledge(message.seq);
      }
    }
    this.on.message(message);
  }

  /** @param {number} code */
  lost(code) {
    this.link = null;
    if (!this.opened) this.deaf += 1;
    const { delayMs, reason } = afterClose(code, this.attempt);
    this.attempt += 1;
    this.on.closed(delayMs, reason);
    if (delayMs !== null) this.timer = window.setTimeout(() => this.connect(), delayMs);
  }

  /** Begins anew: what this page has is not to be gone on with. */
  restart() {
    clearTimeout(this.timer);
    this.link?.close();
    this.link = null;
    this.seen = null;
    this.on.closed(0, '');
    this.connect();
  }

  /** Replaces a connection that says nothing: the server sends 20 frames a second whatever happens, so it is dead. */
  revive() {
    if (document.hidden || !this.link || !this.opened || performance.now() - this.heardMs < SILENCE_MS) return;
    this.link.close();
    this.link = null;
    this.on.closed(0, 'the server has gone silent');
    this.connect();
  }
}

/**
 * Whether to try server-sent events: after two sockets that never opened, then by turns.
 * @param {number} deaf connections in a row that never opened
 */
export function usesEvents(deaf) {
  return deaf >= DEAF_SOCKETS && deaf % 2 === 0;
}

/** @param {string} data @returns {Message | null} null for what this page does not know */
function parse(data) {
  try {
    const message = JSON.parse(data);
    return message && ['hello', 'frame', 'missed'].includes(message.type) ? message : null;
  } catch {
    return null;
  }
}
