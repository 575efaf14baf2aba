/** When to come back after the stream has closed; the codes are those of docs/protocol.md. */

const FINAL = new Map([
  [4400, 'the server did not understand this page: reload it'],
  [4403, 'this address may not watch: open the address that the server printed'],
  [4413, 'the server refused a message from this page: reload it'],
  [4420, 'this page sent more than the server takes: reload it'],
]);

/**
 * @param {number} code the WebSocket's close code
 * @param {number} attempt how many attempts in a row have failed
 * @param {() => number} [random]
 * @returns {{delayMs: number | null, reason: string}} null: do not come back
 */
export function afterClose(code, attempt, random = Math.random) {
  const final = FINAL.get(code);
  if (final !== undefined) return { delayMs: null, reason: final };
  if (code === 4429) return { delayMs: between(50_000, 70_000, random), reason: 'the server has all the viewers it takes' };
  if (code === 1001) return { delayMs: between(1000, 5000, random), reason: 'the server is restarting' };
  if (code === 4408) return { delayMs: between(1000, 3000, random), reason: 'the connection was too slow' };
  const ceiling = Math.min(15_000, 500 * 2 ** Math.min(attempt, 10));
  return { delayMs: between(ceiling / 2, ceiling, random), reason: '' };
}

/** @param {number} low @param {number} high @param {() => number} random */
function between(low, high, random) {
  return Math.round(low + (high - low) * random());
}
