/**
 * Asks the server to do something, as this browser's console. The server decides: whether it may, and whose turn it is.
 *
 * @typedef {{ok: boolean, status: number, answer: any, error: string, holder: string | null}} Answer
 */

const ID = 'wattrace-console';
const NAME = 'wattrace-console-name';

/** What this browser's console is called among consoles: the same in all its tabs. */
export function consoleId() {
  let id = read(ID);
  if (!/^[\w-]{8,64}$/.test(id)) {
    id = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
    write(ID, id);
  }
  return id;
}

/** What people call it. */
export function consoleName() {
  return read(NAME) || `${/Mobi|Android|iPhone|iPad/.test(navigator.userAgent) ? 'Phone' : 'Laptop'} ${consoleId().slice(0, 3)}`;
}

/** @param {string} name */
export function rename(name) {
  write(NAME, name.trim().slice(0, 40));
}

const ANSWER_SECONDS = 15;

/**
 * A question that is never answered, as when a network falls silent, ends too: what waits for it can be asked again.
 * @param {'GET' | 'POST'} method @param {string} path @param {{body?: object, seconds?: number}} [more] @returns {Promise<Answer>}
 */
export async function ask(method, path, { body, seconds = ANSWER_SECONDS } = {}) {
  /** @type {Record<string, string>} */
  const headers = { 'X-Wattrace-Console': consoleId() };
  if (method === 'POST') headers['Content-Type'] = 'application/json';
  try {
    const response = await fetch(path, {
      method, headers, credentials: 'same-origin', cache: 'no-store', body: method === 'POST' ? JSON.stringify(body ?? {}) : undefined,
      signal: AbortSignal.timeout(seconds * 1000),
    });
    const answer = await response.json().catch(() => null);
    const error = response.ok ? '' : String(answer?.error ?? `the server said ${response.status}`);
    return { ok: response.ok, status: response.status, answer, error, holder: answer?.holder ?? null };
  } catch (error) {
    const slow = /** @type {Error} */ (error).name === 'TimeoutError';
    const why = slow ? `the server has not answered within ${seconds} s` : 'the server cannot be reached';
    return { ok: false, status: 0, answer: null, error: why, holder: null };
  }
}

/** @param {string} path @param {object} [body] @param {number} [seconds] */
export function post(path, body = {}, seconds = ANSWER_SECONDS) {
  return ask('POST', path, { body, seconds });
}

/** Takes control, from another console too when `take`. @param {boolean} take */
export function takeControl(take) {
  return post('api/show/lock', { name: consoleName(), take });
}

/** Private windows may refuse to keep anything. @param {string} key */
function read(key) {
  try {
    return localStorage.getItem(key) ?? kept.get(key) ?? '';
  } catch {
    return kept.get(key) ?? '';
  }
}

/** @param {string} key @param {string} value */
function write(key, value) {
  kept.set(key, value);
  try {
    localStorage.setItem(key, value);
  } catch {
    // Kept for as long as the page is.
  }
}

/** @type {Map<string, string>} */
const kept = new Map();
