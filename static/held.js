import { recall } from './recall.js';
import { SharedScale } from './scale.js';
import { arms, initial, reduce } from './state.js';
import { WINDOW_NS } from './track.js';
import { Tracks } from './tracks.js';

/**
 * The picture that the hall was left with, for a page that is opened while it is held: it shows nothing newer.
 * @param {number} now_t_ns the server's clock now @returns {Promise<import('./page.js').Picture | null>} null: none is held
 */
export async function heldPicture(now_t_ns) {
  const message = await ask();
  const t_ns = message?.frame?.run_t_ns;
  if (!message || typeof t_ns !== 'number') return null;
  const nowMs = performance.now() - (now_t_ns - message.t_ns) / 1e6;
  const state = reduce(initial(), { type: 'message', message, nowMs });
  const tracks = new Tracks(arms(state).map(({ label }) => label), message.run?.schedule?.mode);
  tracks.replace(message);
  recall(message.frame, tracks);
  const scale = new SharedScale();
  scale.follow(tracks.peak(t_ns - WINDOW_NS), nowMs);
  return { state, tracks, run_t_ns: t_ns, max: scale.max, nowMs };
}

/** @returns {Promise<import('./types.js').Hello | null>} */
async function ask() {
  try {
    const answer = await fetch('api/run/held', { cache: 'no-store' });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
