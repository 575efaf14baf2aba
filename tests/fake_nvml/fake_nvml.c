/* A fake libnvidia-ml.so.1 with an exactly known truth, as bad as real boards and drivers are.
 *
 * It is scripted by the environment variable FAKE_NVML: "key=value;key=value". A key may be written for one GPU
 * only ("gpu1.lost=1:2"). Times are seconds since t0_ns; spans are "from:to", several "1:2,5:inf".
 *
 *   t0_ns=N                    CLOCK_MONOTONIC at second 0. Without it: when the library is first initialised, and
 *                              then the truth below cannot be asked for
 *   gpus=1                     how many GPUs
 *   init=9                     nvmlInit returns this error
 *   seed=0                     not 0: random phases of sensor, counter and signal, and other noise, by this seed
 *
 *  The signal
 *   signal=constant            constant (high) | square (period, duty, from low to high, high first)
 *                              | burst (low, high within from:to) | ramp (low to high within from:to, low after it)
 *   low=100 high=600           watts;  period=0.2 duty=0.5 from=1 to=from+0.3 (burst), from+1 (ramp): seconds
 *   every=0                    burst and ramp are repeated every so many seconds (0: once)
 *   signal_phase=0             seconds by which the signal is late (seed: anywhere in its cycle; a single burst or
 *                              ramp within 0.1 s)
 *
 *  The sensor
 *   profile=hopper             hopper: instant held 100 ms and covering 25 ms; 1 s average and counter each 100 ms
 *                              partsensor: the same, counter fed by the instant sensor, and so wrong
 *                              gh200: window 20 ms, module power too | ampere100: no average
 *                              v100: 20 ms / 10 ms, counter 20 ms, no average | volta: the same, counter 10 ms
 *                              pascal: 20 ms / 10 ms, no counter, no average | tegra, none: no power at all
 *   update window average counter   seconds, instead of the profile's (average and counter: how often renewed)
 *   phase=0                    when sensor and counter are first updated, seconds; counter_phase=phase: the counter
 *   noise=0                    watts, standard deviation, on the power fields (a third of it on the average)
 *   counter_from=truth         sensor: the counter is fed by the part-time sensor
 *   base_mj=123456789          what the counter had counted at t0
 *   module=0 module_extra=100  1: fields 185 and 186 have scope 1, which is this many watts more
 *   mig=0                      1: MIG is on
 *   reasons=4                  the clocks-event-reasons mask
 *   processes=4242:512:1:inf   who computes there: process id, MiB, from and to which second; several with commas
 *   list_us=0                  how long listing them takes (it sleeps)
 *   limit=700                  the power limit in force, watts; the board's default is 700
 *   application=1755           the application clock, MHz; the board's default is 1755
 *
 *  What goes wrong
 *   lost=1:2 unknown=1:2 timeout=1:2   whole calls fail with that error within these seconds
 *   field_unknown=1:2          the call succeeds, but each field's own return is NVML_ERROR_UNKNOWN
 *   hang=1:2                   a call begun within these seconds returns at their end (inf: never)
 *   reset=1.5                  the energy counter starts again at 0 at that second
 *   reload=1:2                 the driver is unloaded for these seconds: every call is UNINITIALIZED until nvmlInit
 *                              succeeds again, old handles are invalid from then on, the counter starts at 0;
 *                              reorder=1: with every reload the indices are reversed
 *   no=186,83,temperature      field ids and functions (their names stand below) that are not supported;
 *                              a field of module scope is 186@1
 *   no_after=2:186,83          the same from second 2 on
 *   delay_us=0                 every call takes this long (it sleeps)
 *
 * Any process may load the library with the same script and ask for the truth (CLOCK_MONOTONIC, ns):
 *
 *   double fake_truth_joules(unsigned index, long long from_ns, long long to_ns)      exact; NaN without t0_ns
 *   double fake_truth_watts(unsigned index, long long t_ns)                           mean of the 2 us around it
 *   long long fake_truth_tick_ns(unsigned index, long long t_ns)                      newest counter tick by then
 *   double fake_cost_ns(unsigned index, int calls)      what one call of three fields costs without any Python
 *
 * Declarations are our own, after NVIDIA's public documentation of nvml.h.
 */

#include "script.h"
#include "truth.h"

#define API __attribute__((visibility("default")))

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, DRIVER_NOT_LOADED = 9,
       TIMEOUT = 10, GPU_IS_LOST = 15, UNKNOWN = 999 };

typedef struct { const Board *board; int generation; } Gpu;
typedef union { double d; uint32_t u; uint64_t ull; int64_t sll; uint16_t us; } Value;
typedef struct { uint32_t field, scope; int64_t timestamp, latency; int32_t type, ret; Value value; } Field;

static Gpu gpus[MAX_SPANS + 1][MAX_GPUS];
static int users, generation; /* who has initialised the library, and how many reloads ago */

/* ---- the driver's life --------------------------------------------------------------------------------------- */

/* How many times the driver has been loaded again by now; -1 while it is away. */
static int loaded(void)
{
    int times = 0;
    double t = now();
    if (within(&script.reload, t) >= 0) return -1;
    for (int i = 0; i < script.reload.count; i++) times += t >= script.reload.to[i];
    return times;
}

static int usable(void) { return users > 0 && (script.reload.count == 0 || loaded() == generation); }

API int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    parse();
    if (script.init_error) return script.init_error;
    if (!started_ns) started_ns = monotonic_ns();
    int times = loaded();
    if (times < 0) return DRIVER_NOT_LOADED;
    if (times != generation) users = 0;
    generation = times;
    users++;
    return SUCCESS;
}

API int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

API int nvmlShutdown(void)
{
    if (!usable()) return UNINITIALIZED;
    users--;
    return SUCCESS;
}

API int nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = (unsigned)script.count;
    return usable() ? SUCCESS : UNINITIALIZED;
}

API int nvmlDeviceGetHandleByIndex_v2(unsigned index, Gpu **gpu)
{
    if (!usable()) return UNINITIALIZED;
    if ((int)index >= script.count) return INVALID_ARGUMENT;
    int board = script.reorder && generation % 2 ? script.count - 1 - (int)index : (int)index;
    *gpu = &gpus[generation][index];
    **gpu = (Gpu){&script.boards[board], generation};
    return SUCCESS;
}

/* What every call on a device does first: it takes its time, and fails when the script says so. */
static int begin(const Gpu *gpu, const char *name)
{
    const Board *b = gpu->board;
    double t = now();
    for (int hung = within(&b->hang, t); hung >= 0 && now() < b->hang.to[hung];)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    if (b->delay_us > 0) nanosleep(&(struct timespec){b->delay_us / 1000000, b->delay_us % 1000000 * 1000}, NULL);
    if (!usable()) return UNINITIALIZED;
    if (gpu->generation != generation) return INVALID_ARGUMENT;
    t = now();
    if (within(&b->lost, t) >= 0) return GPU_IS_LOST;
    if (within(&b->unknown, t) >= 0) return UNKNOWN;
    if (within(&b->timeout, t) >= 0) return TIMEOUT;
    return lists(b->no, name) || (t >= b->no_after && lists(b->no_later, name)) ? NOT_SUPPORTED : SUCCESS;
}

#define BEGIN(name) do { int begun = begin(gpu, name); if (begun) return begun; } while (0)

/* ---- power and energy ---------------------------------------------------------------------------------------- */

static void set_milliwatts(Field *field, double watts)
{
    field->type = 1;
    field->value.u = (uint32_t)(clamp(watts, 0, 4e6) * 1000 + 0.5);
}

static int refused(const Board *b, const Field *field, double t)
{
    char id[16];
    if (!b->no[0] && !b->no_later[0]) return 0;
    snprintf(id, sizeof id, field->scope ? "%u@%u" : "%u", field->field, field->scope);
    return lists(b->no, id) || (t >= b->no_after && lists(b->no_later, id));
}

static void answer(const Board *b, Field *field, double t)
{
    const Profile *p = &b->profile;
    /* Rubbish beforehand: nobody may use a value whose return says no. */
    field->value.ull = 0xDEADBEEFDEADBEEFu;
    field->type = 3;
    field->ret = within(&b->field_unknown, t) >= 0 ? UNKNOWN : refused(b, field, t) ? NOT_SUPPORTED : SUCCESS;
    if (field->ret) return;
    double extra = field->scope == 1 ? b->module_extra : 0;
    int scope = field->scope == 0 || (field->scope == 1 && p->module);
    if (field->field == 186 && p->update > 0 && p->major >= 8 && scope) set_milliwatts(field, extra + instant_watts(b, t));
    else if (field->field == 185 && p->average > 0 && scope) set_milliwatts(field, extra + average_watts(b, t));
    else if (field->field == 83 && p->counter > 0) field->value.ull = counter_mj(b, t);
    else if (field->field == 82 && p->major >= 7 && p->update > 0) { field->type = 1; field->value.ull = 0; field->value.u = 51; }
    else field->ret = NOT_SUPPORTED;
}

API int nvmlDeviceGetFieldValues(Gpu *gpu, int count, Field *fields)
{
    BEGIN("field_values");
    double t = now();
    for (int i = 0; i < count; i++) answer(gpu->board, &fields[i], t);
    return SUCCESS;
}

API int nvmlDeviceGetPowerUsage(Gpu *gpu, unsigned *milliwatts)
{
    BEGIN("power_usage");
    const Profile *p = &gpu->board->profile;
    if (p->update <= 0) return NOT_SUPPORTED;
    int instant = p->major < 8 || (p->major == 8 && p->minor == 0);
    double watts = instant ? instant_watts(gpu->board, now()) : average_watts(gpu->board, now());
    *milliwatts = (unsigned)(clamp(watts, 0, 4e6) * 1000 + 0.5);
    return SUCCESS;
}

API int nvmlDeviceGetTotalEnergyConsumption(Gpu *gpu, unsigned long long *millijoules)
{
    BEGIN("total_energy");
    if (gpu->board->profile.counter <= 0) return NOT_SUPPORTED;
    *millijoules = counter_mj(gpu->board, now());
    return SUCCESS;
}

/* ---- the truth, for whoever judges --------------------------------------------------------------------------- */

API double fake_truth_joules(unsigned index, long long from_ns, long long to_ns)
{
    parse();
    if (!script.t0_ns || (int)index >= script.count) return __builtin_nan("");
    const Board *b = &script.boards[index];
    return energy_joules(b, seconds_of(to_ns)) - energy_joules(b, seconds_of(from_ns));
}

API double fake_truth_watts(unsigned index, long long t_ns)
{
    return fake_truth_joules(index, t_ns - 1000, t_ns + 1000) / 2e-6;
}

API long long fake_truth_tick_ns(unsigned index, long long t_ns)
{
    parse();
    const Board *b = &script.boards[index % MAX_GPUS];
    if (!script.t0_ns || b->profile.counter <= 0) return 0;
    int64_t tick = update(seconds_of(t_ns), b->profile.counter, b->counter_phase);
    return script.t0_ns + (int64_t)((b->counter_phase + (double)tick * b->profile.counter) * 1e9 + 0.5);
}

API double fake_cost_ns(unsigned index, int calls)
{
    Field fields[3] = {{.field = 186}, {.field = 185}, {.field = 83}};
    Gpu *gpu;
    if (nvmlInitWithFlags(0) || nvmlDeviceGetHandleByIndex_v2(index, &gpu)) return __builtin_nan("");
    int64_t begun = monotonic_ns();
    for (int i = 0; i < calls; i++) nvmlDeviceGetFieldValues(gpu, 3, fields);
    double cost = (double)(monotonic_ns() - begun) / calls;
    nvmlShutdown();
    return cost;
}

#include "answers.h"
