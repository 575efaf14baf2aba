/**
 * Everything the page knows, in one place. Events in, a new state out; nothing here touches the browser.
 *
 * @typedef {import('./types.js').Frame} Frame
 * @typedef {import('./types.js').Hello} Hello
 * @typedef {import('./types.js').Run} Run
 * @typedef {import('./types.js').Demo} Demo
 * @typedef {import('./types.js').Arm} Arm
 * @typedef {import('./types.js').ArmFigures} ArmFigures
 * @typedef {import('./types.js').Message} Message
 * @typedef {import('./types.js').Sensor} Sensor
 * @typedef {import('./types.js').Show} Show
 *
 * @typedef {object} State
 * @property {'connecting' | 'open' | 'reconnecting' | 'closed'} connection
 * @property {string} why why the connection is not open
 * @property {Run | null} run
 * @property {Demo | null} demo what would run, while nothing has run
 * @property {Frame | null} frame
 * @property {Sensor | null} sensor the newest word on the power sensor, which only some frames have
 * @property {Show} show what the presenter has set, which only some frames have
 * @property {number} frameAtMs when the newest frame came, on this browser's clock
 * @property {boolean} control whether this browser may start and stop
 * @property {number} speed of a replay
 * @property {string} notice what the last command came to
 * @property {number} framesReceived
 * @property {number} lastSeq
 * @property {number} gaps frames that never came, without the server having said so
 * @property {number} missed frames that the server said it left out
 * @property {number} behind how many those were when it last said so
 * @property {number} behindAtMs when that was, on this browser's clock
 *
 * @typedef {{type: 'message', message: Message, nowMs: number}
 *   | {type: 'opened'}
 *   | {type: 'closed', again: boolean, reason: string}
 *   | {type: 'access', control: boolean}
 *   | {type: 'speed', speed: number}
 *   | {type: 'notice', text: string}} Event
 */

/** What every screen shows as long as the presenter has set nothing. @type {Show} */
export const NO_SHOW = {
  frozen: false, verdict_hidden: false, swapped: false, presenter: null, join: null, bet: null, load: null, fallback: null,
};

/** @returns {State} */
export function initial() {
  return {
    connection: 'connecting', why: '', run: null, demo: null, frame: null, sensor: null,
    show: NO_SHOW, frameAtMs: NaN, control: false, speed: 1,
    notice: '', framesReceived: 0, lastSeq: NaN, gaps: 0, missed: 0, behind: 0, behindAtMs: -Infinity,
  };
}

/** @param {State} state @param {Event} event @returns {State} */
export function reduce(state, event) {
  switch (event.type) {
    case 'opened':
      return { ...state, connection: 'open', why: '' };
    case 'closed':
      return { ...state, connection: event.again ? 'reconnecting' : 'closed', why: event.reason };
    case 'access':
      return { ...state, control: event.control };
    case 'speed':
      return { ...state, speed: event.speed };
    case 'notice':
      return { ...state, notice: event.text };
    case 'message':
      return receive(state, event.message, event.nowMs);
    default:
      return state;
  }
}

/** @param {State} state @param {Message} message @param {number} nowMs @returns {State} */
function receive(state, message, nowMs) {
  switch (message.type) {
    case 'hello':
      // What a page that comes back has is still right: the frames that it missed come next.
      if (message.resumed) return { ...state, connection: 'open', why: '', lastSeq: message.seq };
      return {
        ...state, connection: 'open', why: '', run: message.run ?? null, demo: message.demo ?? null,
        frame: message.frame ?? null, sensor: message.sensor ?? null, show: message.show ?? NO_SHOW,
        frameAtMs: nowMs,
        speed: message.run?.replay?.speed ?? 1, lastSeq: message.seq,
      };
    case 'frame': {
      const skipped = message.seq - state.lastSeq - 1;
      return {
        ...state, frame: message, sensor: message.sensor === undefined ? state.sensor : message.sensor,
        show: message.show ?? state.show,
        frameAtMs: nowMs, framesReceived: state.framesReceived + 1,
        gaps: state.gaps + (skipped > 0 ? skipped : 0), lastSeq: message.seq,
      };
    }
    case 'missed':
      // The server has said so: what is missing is counted once, and not as a gap.
      return {
        ...state, missed: state.missed + message.frames, lastSeq: state.lastSeq + message.frames,
        behind: message.frames, behindAtMs: nowMs,
      };
    default:
      return state;
  }
}

/** The arms to show: the run's, else those of the demo that would run. @param {State} state @returns {Arm[]} */
export function arms(state) {
  const source = state.run?.arms ?? state.demo?.arms ?? [];
  return source.map((arm, index) => ({
    label: arm.label ?? String.fromCharCode(65 + index), name: arm.name ?? '', runtime: arm.runtime,
  }));
}

/** Whether watts and joules can exist at all in this run. @param {State} state */
export function hasPower(state) {
  return state.run === null || state.run.power_source !== null;
}

/** The label of the arm whose turn it is, or null. @param {State} state */
export function activeArm(state) {
  const figures = state.frame?.arms ?? {};
  return Object.keys(figures).find((label) => figures[label]?.state === 'active') ?? null;
}

/** Energy over what the arm's work is counted in. @param {ArmFigures | undefined} figures */
export function joulesPerUnit(figures) {
  return figures?.unit === undefined ? figures?.joules_per_token : figures.joules_per_unit;
}

/** Speed in what the arm's work is counted in. @param {ArmFigures | undefined} figures */
export function unitsPerSecond(figures) {
  return figures?.unit === undefined ? figures?.tokens_per_second : figures.units_per_second;
}

const SAID_MS = 4000;

/** What a viewer whose connection is too slow for every frame is told. @param {State} state @param {number} nowMs */
export function behindText({ behind, behindAtMs }, nowMs) {
  if (nowMs - behindAtMs > SAID_MS) return '';
  return `You are ${behind} ${behind === 1 ? 'frame' : 'frames'} behind: this connection is slow, so some are left out`;
}

/** Whether the sensor was gone for a part of the race, so that some of it is in no figure. @param {State} state */
export function hasGaps(state) {
  return Object.values(state.frame?.arms ?? {}).some(({ reasons }) => reasons?.includes('gap'));
}

/** Whether the run has ended, well or badly. @param {State} state */
export function ended(state) {
  return ['done', 'failed', 'aborted'].includes(state.frame?.state ?? '');
}
