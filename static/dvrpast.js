import { Tracks } from './tracks.js';

/** @typedef {import('./types.js').Power} Power */
/** @typedef {import('./dvrview.js').Span} Span */
/** @typedef {(query: string) => Promise<(Power & {run: string | null}) | null>} Ask */

const POINTS = 1800; // three times what a chart is wide
/** So long nothing is asked for again that could not be had. */
export const AGAIN_MS = 2000;
const MARGIN = 1; // spans on each side, so that small moves need no answer from the server

/** Asks the server for a part of the run on stage; null where it cannot be had. @type {Ask} */
export async function askPages(query) {
  const answer = await fetch(`api/run/pages?${query}`).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

/** Any part of the run, as the charts' tracks: asked for once and kept, one question at a time. */
export class Past {
  /** @param {Ask} [ask] @param {() => number} [nowMs] */
  constructor(ask = askPages, nowMs = () => performance.now()) {
    this.ask = ask;
    this.nowMs = nowMs;
    this.run = '';
    /** @type {string[]} */
    this.labels = [];
    /** @type {string | undefined} */
    this.mode = undefined;
    /** @type {(Span & {tracks: Tracks, end: number}) | null} */
    this.kept = null;
    this.asking = false;
    this.againMs = -Infinity;
    /** rises with every run: an answer about another one comes too late */
    this.asked = 0;
    this.version = 0;
  }

  /** Another run, or other arms. @param {string} run @param {string[]} labels @param {string | undefined} mode of the schedule */
  begin(run, labels, mode) {
    this.run = run;
    this.labels = labels;
    this.mode = mode;
    this.kept = null;
    this.asking = false;
    this.againMs = -Infinity;
    this.asked += 1;
  }

  /** Whether what is kept covers the span, as far as the run has come. @param {Span} span @param {number} end */
  covers({ from, to }, end) {
    if (!this.kept) return false;
    // What was asked for while it was still happening lacks its end.
    const known = Math.min(this.kept.to, this.kept.end);
    const fine = (this.kept.to - this.kept.from) < 8 * (to - from);
    return fine && this.kept.from <= Math.max(0, from) && (known >= to || known >= end - 2e8);
  }

  /** Sees to it that the span can be drawn soon; a question that is under way is waited for. @param {Span} span @param {number} end */
  async want(span, end) {
    if (this.asking || this.nowMs() < this.againMs || this.covers(span, end)) return;
    this.asking = true;
    const asked = this.asked;
    const long = span.to - span.from;
    const from = Math.max(0, Math.round(span.from - MARGIN * long));
    const to = Math.max(0, Math.round(span.to + MARGIN * long));
    const query = `from=${from}&to=${to}&points=${POINTS}`;
    const tracks = new Tracks(this.labels, this.mode);
    const parts = await this.parts(query);
    if (asked !== this.asked) return;
    this.asking = false;
    if (!parts) {
      this.againMs = this.nowMs() + AGAIN_MS;
      return;
    }
    tracks.replace(/** @type {any} */ (parts));
    this.kept = { from, to, tracks, end };
    this.version += 1;
  }

  /** @param {string} query */
  async parts(query) {
    if (this.mode !== 'parallel') {
      const history = await this.ask(query);
      return history && history.run === this.run ? { history } : null;
    }
    const found = await Promise.all(this.labels.map(async (label) => [label, await this.ask(`${query}&arm=${encodeURIComponent(label)}`)]));
    return found.some(([, power]) => !power) ? null : { powers: Object.fromEntries(found) };
  }
}
