/**
 * The shapes of docs/protocol.md, for the type checker; this module holds no code.
 *
 * @typedef {{label: string, name: string, runtime?: string}} Arm
 * @typedef {{mode?: string, round_seconds?: number, rounds?: number, order?: string[]}} Plan
 * @typedef {{file?: string, speed?: number, paused?: true, loop?: true, duration_ns?: number}} Replay
 * @typedef {{id: string, demo?: string, title: string, learn?: string, model?: string, utc?: string, arms: Arm[],
 *   schedule?: Plan, device?: string | null, power_source?: string | null, replay?: Replay | null}} Run
 * @typedef {{name?: string, title: string, learn?: string, arms?: Partial<Arm>[], schedule?: Plan}} Demo
 * @typedef {{t_ns: number[], mean: (number|null)[], min: (number|null)[], max: (number|null)[],
 *   arm: (string|null)[]}} Power
 * @typedef {{state: string, joules_per_token?: number | null, power_watts?: number | null,
 *   tokens_per_second?: number | null, tokens?: number | null, energy_joules?: number | null,
 *   rounds?: number | null, running?: number | null, running_by?: string, waiting?: number, reasons?: string[], reason?: string,
 *   unit?: string, joules_per_unit?: number | null, units_per_second?: number | null, units?: number | null,
 *   stage?: string, progress?: number, last_words?: string[], attributable?: false, steady_t_ns?: [number, number | null], prefill?: [number, number][],
 *   prompt?: string | null, text?: string | null}} ArmFigures
 * @typedef {{phase?: string, round?: number | null, rounds?: number | null, arm?: string | null, arms?: string[],
 *   begun_t_ns?: number | null, ends_t_ns?: number | null}} Turn
 * @typedef {{text: string, decided: boolean, metric?: string, baseline?: string, ratio?: number | null, low?: number | null,
 *   high?: number | null, rounds?: number | null, more_rounds?: number | null}} Verdict
 * @typedef {{weight: string, sentence: string, remedy: string}} Reason
 * @typedef {{stream: string, source: string, achieved_hz: number | null, asked_hz: number | null,
 *   instant_per_second: number | null, counter_per_second: number | null,
 *   period_ms: {power_instant: number | null, power_average: number | null, energy_counter: number | null},
 *   instant_window?: {ms: number | null, origin: 'documented' | 'assumed' | null},
 *   disagreement_percent: {instant: number | null, average: number | null}, window_seconds: number | null,
 *   valid: boolean, reasons: string[],
 *   sampler: {cpu_percent: number | null, call_us_p50: number | null, late_us_p50: number | null,
 *     late_us_p99: number | null}}} Sensor
 * @typedef {{name: string, seconds_left: number}} Presenter who holds the control lock
 * @typedef {{url: string, short: string, shown: boolean}} Join
 * @typedef {{state: 'open' | 'closed' | 'revealed', question: string, unit: string, per?: string, contender?: string | null,
 *   baseline?: string, guesses: number,
 *   histogram?: {edges: number[], counts: number[], below?: number, above?: number} | null,
 *   answer?: number | null, low?: number | null, high?: number | null, why?: string, simulated?: boolean, replay?: boolean,
 *   closest?: {id?: number, nickname: string, guess: number}[]}} Bet
 * @typedef {{open: boolean, prompts: string[], sent: number, running: number, most?: number,
 *   waiting?: number, answered?: number}} Load
 * @typedef {{prompt: string, state: string, arm: string | null, ahead: number, text: string, again_seconds: number}} MyQuestion
 * @typedef {{nickname: string, guess: number, closer?: number}} MyGuess
 * @typedef {{on: boolean, available: boolean, automatic: boolean, file: string, recorded_utc: string, why: string,
 *   live: string}} Fallback `live` is the race's own state, whatever is on screen
 * @typedef {{frozen: boolean, verdict_hidden: boolean, swapped: boolean, presenter: Presenter | null, join: Join | null,
 *   bet: Bet | null, load: Load | null, fallback: Fallback | null}} Show what the presenter has set for every screen
 * @typedef {{type: 'frame', seq: number, t_ns: number, run: string | null, run_t_ns: number | null,
 *   state: string, reason?: string, simulated: boolean, replay: boolean, age_ns: number | null,
 *   power?: Power | null, powers?: Record<string, Power>, temperature_celsius?: number | null, arms?: Record<string, ArmFigures> | null,
 *   schedule?: Turn | null, verdict?: Verdict | null, sensor?: Sensor | null, show?: Show}} Frame
 * @typedef {{type: 'hello', protocol: number, seq: number, t_ns: number, version?: string, run: Run | null, resumed?: true,
 *   demo?: Demo | null, history?: Power | null, powers?: Record<string, Power>, frame?: Frame | null, sensor?: Sensor | null,
 *   show?: Show}} Hello
 * @typedef {{type: 'missed', frames: number}} Missed
 * @typedef {Hello | Frame | Missed} Message
 */
export {};
