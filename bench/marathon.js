// In place of the page's socket: half an hour of a two-armed race in half a minute, frame after frame, as the server
// would have sent them. It begins when the page has its charts.
(() => {
  const EACH_TURN = 200; // frames, so ten seconds
  const AT_ONCE = 12;
  const EVERY_MS = 10;
  const NS = 1e9;

  const arm = (active, joules, tokens, words) => ({
    state: active ? 'active' : 'resting', joules_per_token: joules, tokens_per_second: 280 + (tokens % 17), tokens,
    power_watts: 200 + (tokens % 9), energy_joules: joules * tokens, rounds: 3, running: active ? 8 : 0, waiting: 0,
    reasons: ['simulated'], reason: '', prompt: `Question ${words}?`, text: `A long answer, number ${words}, `.repeat(6),
  });

  function frame(number) {
    const t_ns = number * 0.05 * NS;
    const turn = Math.floor(number / EACH_TURN);
    const active = turn % 2 ? 'B' : 'A';
    const mean = 200 + 40 * Math.sin(number / 7) + (number % 13);
    return {
      type: 'frame', seq: number, t_ns, run: 'marathon', run_t_ns: t_ns, state: 'racing', reason: '', simulated: true,
      replay: false, age_ns: 1e7, temperature_celsius: 50 + (turn % 9),
      power: { t_ns: [t_ns], mean: [mean], min: [mean - 9], max: [mean + 9], arm: [active] },
      arms: {
        A: { ...arm(active === 'A', 0.67 + (number % 7) / 1000, number * 14, turn), steady_t_ns: [t_ns - 5 * NS, active === 'A' ? null : t_ns] },
        B: { ...arm(active === 'B', 0.1 + (number % 5) / 1000, number * 90, turn), steady_t_ns: [t_ns - 5 * NS, active === 'B' ? null : t_ns] },
      },
      schedule: { phase: 'racing', round: turn + 1, rounds: 200, arm: active, begun_t_ns: turn * 10 * NS, ends_t_ns: (turn + 1) * 10 * NS },
      verdict: {
        text: 'B uses 84 % less energy per token', decided: true, metric: 'joules_per_token', ratio: 0.16,
        low: 0.16 - 0.1 / (turn + 2), high: 0.16 + 0.1 / (turn + 2), rounds: turn,
      },
    };
  }

  const hello = {
    type: 'hello', protocol: 1, seq: 0, t_ns: 0, sensor: null, history: null, frame: frame(1),
    run: {
      id: 'marathon', title: 'Marathon', learn: '', device: 'Simulated GPU', power_source: 'simulated', replay: null,
      arms: [{ label: 'A', name: 'batch 1' }, { label: 'B', name: 'batch 8' }],
      schedule: { mode: 'alternate', round_seconds: 10, rounds: 200, order: ['A', 'B'] },
    },
  };

  window.WebSocket = class {
    static OPEN = 1;

    constructor() {
      this.number = 1;
      this.readyState = 0;
      setTimeout(() => {
        this.readyState = 1;
        this.onopen?.({});
        this.say(hello);
        // A little before the page has its axes it needs a line to draw.
        setInterval(() => this.run(window.wattrace?.axesMs ? AT_ONCE : 1), EVERY_MS);
      }, 5);
    }

    run(frames) {
      for (let each = 0; each < frames; each += 1) this.say(frame(++this.number));
    }

    say(message) {
      this.onmessage?.({ data: JSON.stringify(message) });
    }

    send() {}

    close() {}
  };
})();
