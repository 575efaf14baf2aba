/* What the boards really draw, and what their sensors make of it. Times are seconds since the script's t0. */

static int64_t started_ns; /* t0 where the script gives none: when the library was first initialised */

static double seconds_of(int64_t t_ns)
{
    return (double)(t_ns - (script.t0_ns ? script.t0_ns : started_ns)) / 1e9;
}

static int64_t monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double now(void) { return seconds_of(monotonic_ns()); }

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* Rounds down also below zero. */
static int64_t whole(double x) { int64_t n = (int64_t)x; return (double)n > x ? n - 1 : n; }

/* Joules above `low` since the shape's beginning; t from 0 on. */
static double shape_joules(const Board *b, double t)
{
    double extra = b->high - b->low, x = clamp(t - b->from, 0, b->to - b->from);
    if (b->signal == SQUARE) return extra * clamp(t, 0, b->duty * b->period);
    if (b->signal == BURST) return extra * x;
    return extra * x * x / (2 * (b->to - b->from));
}

/* Exact energy in joules from t0 to t (negative before). */
static double energy_joules(const Board *b, double t)
{
    if (b->signal == CONSTANT) return b->high * t;
    double cycle = b->signal == SQUARE ? b->period : b->every, shifted = t - b->signal_phase;
    double zero = -b->signal_phase; /* the shape's own time at t0 */
    if (cycle <= 0) return b->low * t + shape_joules(b, shifted) - shape_joules(b, zero);
    double before = (double)whole(shifted / cycle), before_zero = (double)whole(zero / cycle);
    return b->low * t + (before - before_zero) * shape_joules(b, cycle) + shape_joules(b, shifted - before * cycle)
        - shape_joules(b, zero - before_zero * cycle);
}

static double mean_watts(const Board *b, double end, double window)
{
    return (energy_joules(b, end) - energy_joules(b, end - window)) / window;
}

/* Which update is the newest at t, of something renewed every `period`. */
static int64_t update(double t, double period, double phase) { return whole((t - phase) / period); }

/* Gaussian, and belongs to the update: whoever reads twice sees the same. */
static double noise(const Board *b, int64_t tick, uint64_t what)
{
    double sum = -6;
    if (b->noise <= 0) return 0;
    for (uint64_t i = 0; i < 12; i++) sum += drawn(b->index, (uint64_t)tick * 64 + what * 16 + i + 1000);
    return b->noise * sum;
}

static double sensed(const Board *b, int64_t tick)
{
    return mean_watts(b, b->sensor_phase + (double)tick * b->profile.update, b->profile.window);
}

static double instant_watts(const Board *b, double t)
{
    int64_t tick = update(t, b->profile.update, b->sensor_phase);
    return sensed(b, tick) + noise(b, tick, 0);
}

static double average_watts(const Board *b, double t)
{
    int64_t tick = update(t, b->profile.average, b->sensor_phase);
    return mean_watts(b, b->sensor_phase + (double)tick * b->profile.average, 1.0) + noise(b, tick, 1) / 3;
}

/* What the counter has counted since t0, right or by the part-time sensor. */
static double counted_joules(const Board *b, double t)
{
    double joules = 0;
    if (!b->profile.fed) return energy_joules(b, t);
    int64_t last = update(t + 1e-9, b->profile.update, b->sensor_phase);
    for (int64_t tick = update(0, b->profile.update, b->sensor_phase) + 1; tick <= last; tick++)
        joules += sensed(b, tick) * b->profile.update;
    return joules;
}

static uint64_t counter_mj(const Board *b, double t)
{
    int64_t tick = update(t, b->profile.counter, b->counter_phase);
    double zero = b->reset, joules = counted_joules(b, b->counter_phase + (double)tick * b->profile.counter);
    if (zero >= 0 && t < zero) zero = -1;
    /* A driver that was reloaded counts from its own beginning. */
    for (int i = 0; i < script.reload.count; i++)
        if (t >= script.reload.to[i] && script.reload.to[i] > zero) zero = script.reload.to[i];
    if (zero >= 0) return (uint64_t)(clamp(joules - counted_joules(b, zero), 0, 1e15) * 1000);
    return (uint64_t)(b->base_mj + joules * 1000);
}
