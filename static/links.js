/**
 * Two ways to the server's messages, with one face. A link says `open`, then `message` for each, then `lost` once.
 *
 * @typedef {object} Ears
 * @property {() => void} open
 * @property {(data: string) => void} message
 * @property {(code: number) => void} lost with the WebSocket's close code; 1006 where there is none
 */

const LOST = 1006;
const FULL = 4429;

/**
 * The socket that early.js has opened, with what has come on it so far; null when there is none that is alive.
 * @returns {{socket: WebSocket, heard: string[]} | null}
 */
function takeEarly() {
  const early = /** @type {any} */ (window).early;
  Object.assign(window, { early: null });
  if (early?.socket.readyState <= WebSocket.OPEN) return early;
  if (early) early.socket.onmessage = null;
  return null;
}

/** @param {string} query @returns {string} the address of `ws` beside the page, whatever path a proxy has put both under */
function socketUrl(query) {
  return new URL(`ws${query}`, document.baseURI).href.replace(/^http/, 'ws');
}

/** The WebSocket, where viewers say what they have seen. */
export class SocketLink {
  /** @param {string} query @param {Ears} ears */
  constructor(query, ears) {
    const early = query.includes('since=') ? null : takeEarly();
    this.socket = early?.socket ?? new WebSocket(socketUrl(query));
    this.socket.onopen = ears.open;
    this.socket.onmessage = ({ data }) => { if (typeof data === 'string') ears.message(data); };
    this.socket.onclose = ({ code }) => ears.lost(code);
    if (early && early.socket.readyState === WebSocket.OPEN) queueMicrotask(() => {
      ears.open();
      early.heard.forEach((data) => ears.message(data));
    });
  }

  /** @param {number} seq */
  acknowledge(seq) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ ack: seq }));
  }

  close() {
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }
}

/**
 * The close code that a WebSocket would have had: a browser does not tell why an EventSource has ended.
 * @returns {Promise<number>}
 */
async function refusal() {
  try {
    const answer = await fetch('events', { method: 'HEAD' });
    return answer.status === 503 && answer.headers.has('Retry-After') ? FULL : LOST;
  } catch {
    return LOST;
  }
}

/** Server-sent events, for networks whose proxies break WebSockets. */
export class EventLink {
  /** @param {string} query @param {Ears} ears */
  constructor(query, ears) {
    this.source = new EventSource(`events${query}`);
    this.source.onopen = ears.open;
    this.source.onmessage = ({ data }) => ears.message(data);
    this.source.onerror = () => {
      this.close(); // when to come back is decided in one place for both kinds
      refusal().then(ears.lost);
    };
  }

  acknowledge() {}

  close() {
    this.source.onopen = this.source.onmessage = this.source.onerror = null;
    this.source.close();
  }
}
