/** What a phone asks of the server, which knows it by a cookie that no script sees. */

/** @typedef {{ok: boolean, status: number, body: any, error: string}} Reply */

const NO_NUMBER = 403;

/** Sends `body`, or asks when there is none. Never throws. @param {string} path @param {object} [body] @returns {Promise<Reply>} */
export async function ask(path, body) {
  const first = await once(path, body);
  // The first answer to a phone without a cookie brings one.
  return first.status === NO_NUMBER ? once(path, body) : first;
}

/** @param {string} path @param {object | undefined} body @returns {Promise<Reply>} */
async function once(path, body) {
  const options = body === undefined ? {} : {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  };
  try {
    const response = await fetch(path, { credentials: 'same-origin', cache: 'no-store', ...options });
    const found = await response.json().catch(() => ({}));
    return { ok: response.ok, status: response.status, body: found, error: response.ok ? '' : String(found.error ?? `the server said ${response.status}`) };
  } catch {
    return { ok: false, status: 0, body: {}, error: 'the server cannot be reached' };
  }
}

const NICKNAME = 'wattrace-nickname';

/** The name that this phone used last; a browser that keeps nothing has none. */
export function nickname() {
  try {
    return localStorage.getItem(NICKNAME) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} name */
export function keepNickname(name) {
  try {
    localStorage.setItem(NICKNAME, name);
  } catch {
    // Then it is typed again next time.
  }
}
