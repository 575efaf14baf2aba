import { afterClose } from './backoff.js';

/** @typedef {import('./types.js').Message} Message */

const ACK_EVERY = 10;
const SILENCE_MS = 5000;

/**
 * The WebSocket: messages out, acks in, back again after a close as its code allows.
 * A hidden tab draws nothing; its frames only replace the state, so nothing is played fast when it comes back.
 */
export class Stream {
  /**
   * @param {string} url
   * @param {{message: (message: Message) => void, open: () => void,
   *   closed: (delayMs: number | null, reason: string) => void}} on
   */
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.attempt = 0;
    this.acked = 0;
    this.heardMs = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.timer = 0;
  }

  start() {
    document.addEventListener('visibilitychange', () => this.revive());
    window.setInterval(() => this.revive(), 1000);
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      this.heardMs = performance.now();
      this.on.open();
    };
    socket.onmessage = (event) => this.receive(socket, event.data);
    socket.onclose = (event) => this.lost(socket, event.code);
  }

  /** @param {WebSocket} socket @param {unknown} data */
  receive(socket, data) {
    if (socket !== this.socket || typeof data !== 'string') return;
    this.heardMs = performance.now();
    const message = parse(data);
    if (!message) return;
    if (message.type === 'hello') {
      this.attempt = 0;
      this.acked = message.seq;
    } else if (message.type === 'frame' && message.seq - this.acked >= ACK_EVERY) {
      this.acked = message.seq;
      socket.send(JSON.stringify({ ack: message.seq }));
    }
    this.on.message(message);
  }

  /** @param {WebSocket} socket @param {number} code */
  lost(socket, code) {
    if (socket !== this.socket) return;
    this.socket = null;
    const { delayMs, reason } = afterClose(code, this.attempt);
    this.attempt += 1;
    this.on.closed(delayMs, reason);
    if (delayMs !== null) this.timer = window.setTimeout(() => this.connect(), delayMs);
  }

  /** Replaces a connection that says nothing: the server sends 20 frames a second whatever happens, so it is dead. */
  revive() {
    const open = this.socket?.readyState === WebSocket.OPEN;
    if (document.hidden || !open || performance.now() - this.heardMs < SILENCE_MS) return;
    const silent = this.socket;
    this.socket = null;
    silent?.close();
    this.on.closed(0, 'the server has gone silent');
    this.connect();
  }
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
