/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Power} Power */
/** @typedef {import('./tracks.js').Tracks} Tracks */

const BEFORE_NS = 30e9;
const AFTER_NS = 3e9; // answers that had begun are let finish
const POINTS = 400;

/**
 * Which parts of the run a page that has just come should ask for: the last turn of every arm that rests.
 * @param {Frame | null | undefined} frame
 * @returns {{label: string, query: string}[]}
 */
export function wanted(frame) {
  const found = [];
  for (const [label, figures] of Object.entries(frame?.arms ?? {})) {
    const over_t_ns = figures.steady_t_ns?.[1];
    if (figures.state === 'active' || !over_t_ns) continue;
    const from = Math.max(0, Math.round(over_t_ns - BEFORE_NS));
    const to = Math.round(over_t_ns + AFTER_NS);
    found.push({ label, query: `from=${from}&to=${to}&points=${POINTS}&arm=${encodeURIComponent(label)}` });
  }
  return found;
}

/** Brings the last turns of resting arms into their tracks; what cannot be had is left out. @param {Frame | null | undefined} frame @param {Tracks} tracks */
export async function recall(frame, tracks) {
  await Promise.all(wanted(frame).map(async ({ label, query }) => {
    const answer = await fetch(`api/run/pages?${query}`).catch(() => null);
    if (!answer?.ok) return;
    /** @type {Power & {run: string | null}} */
    const power = await answer.json();
    if (power.run === frame?.run) tracks.of(label)?.recall(tracks.labels.indexOf(label), power);
  }));
}
