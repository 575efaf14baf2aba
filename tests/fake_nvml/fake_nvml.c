/* A fake libnvidia-ml.so.1 with an exactly known truth, as bad as real boards and drivers are.
 *
 * It is scripted by the environment variable FAKE_NVML: "key=value;key=value". A key may be written for one GPU
 * only ("gpu1.lost=1:2"). Times are seconds since t0_ns (CLOCK_MONOTONIC; without it, since the library's start).
 *
 *   gpus=1                     how many GPUs
 *   init=9                     nvmlInit returns this error
 *   profile=hopper             hopper | ampere100 | volta | pascal | none: sensor, fields, compute capability
 *   signal=constant            constant (high) | square (period, duty, from low to high, high first)
 *                              | burst (low, high within from:to) | ramp (low to high within from:to, low after it)
 *   low=100 high=600           watts;  period=0.2 duty=0.5 from=1 to=2: seconds
 *   phase=0                    when the sensor's first update is, seconds
 *   noise=0                    watts, uniform in +-noise, on the power fields
 *   counter_from=truth         sensor: the counter is fed by the part-time sensor, and so is wrong
 *   lost=1:2 unknown=1:2 timeout=1:2   whole calls fail with that error within these seconds
 *   field_unknown=1:2          the call succeeds, but each field's own return is NVML_ERROR_UNKNOWN
 *   reset=1.5                  the energy counter starts again at 0 at that second
 *   no=186,83,temperature      field ids and functions (see NAMES below) that are not supported
 *   delay_us=0                 every call takes this long (it sleeps)
 *   base_mj=123456789          what the counter had counted at t0
 *
 * Declarations are our own, after NVIDIA's public documentation of nvml.h.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define API __attribute__((visibility("default")))

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TIMEOUT = 10,
       GPU_IS_LOST = 15, UNKNOWN = 999 };
enum { MAX_GPUS = 16 };

typedef struct { int index; } Gpu;
typedef union { double d; uint32_t u; uint64_t ull; int64_t sll; uint16_t us; } Value;
typedef struct { uint32_t field, scope; int64_t timestamp, latency; int32_t type, ret; Value value; } Field;

/* What a kind of board has: update period and window of the instant sensor, period of the average and of the
 * counter (0: it has none of that), compute capability. */
typedef struct { const char *name; double update, window, average, counter; int major, minor; } Profile;

static const Profile PROFILES[] = {
    {"hopper", 0.100, 0.025, 0.100, 0.100, 9, 0},
    {"ampere100", 0.100, 0.025, 0, 0.100, 8, 0},
    {"volta", 0.020, 0.010, 0, 0.010, 7, 0},
    {"pascal", 0.020, 0.010, 0, 0, 6, 0},
    {"none", 0, 0, 0, 0, 8, 7},
};

static Gpu gpus[MAX_GPUS];
static int64_t t0_ns;
static int users;

/* ---- the script ---------------------------------------------------------------------------------------------- */

static const char *find(const char *key, char *out, size_t size)
{
    const char *script = getenv("FAKE_NVML");
    size_t length = strlen(key);
    for (const char *at = script; at && *at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL) {
        if (strncmp(at, key, length) == 0 && at[length] == '=') {
            size_t n = strcspn(at + length + 1, ";");
            n = n < size - 1 ? n : size - 1;
            memcpy(out, at + length + 1, n);
            out[n] = 0;
            return out;
        }
    }
    return NULL;
}

static const char *setting(int gpu, const char *key, char *out, size_t size)
{
    char own[64];
    snprintf(own, sizeof own, "gpu%d.%s", gpu, key);
    const char *value = find(own, out, size);
    return value ? value : find(key, out, size);
}

static double number(int gpu, const char *key, double otherwise)
{
    char text[64];
    return setting(gpu, key, text, sizeof text) ? atof(text) : otherwise;
}

static int within(int gpu, const char *key, double t)
{
    char text[64];
    double from, to;
    return setting(gpu, key, text, sizeof text) && sscanf(text, "%lf:%lf", &from, &to) == 2 && t >= from && t < to;
}

static int lacks(int gpu, const char *name)
{
    char text[256];
    if (!setting(gpu, "no", text, sizeof text)) return 0;
    for (char *word = strtok(text, ","); word; word = strtok(NULL, ","))
        if (strcmp(word, name) == 0) return 1;
    return 0;
}

static const Profile *profile(int gpu)
{
    char text[64];
    if (setting(gpu, "profile", text, sizeof text))
        for (size_t i = 0; i < sizeof PROFILES / sizeof *PROFILES; i++)
            if (strcmp(PROFILES[i].name, text) == 0) return &PROFILES[i];
    return &PROFILES[0];
}

/* ---- the truth ----------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)(t.tv_sec * 1000000000LL + t.tv_nsec - t0_ns) / 1e9;
}

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* Rounds down also below zero. */
static double whole(double x) { double n = (double)(int64_t)x; return n > x ? n - 1 : n; }

/* Exact energy in joules from t0 to t seconds after it (negative before). */
API double fake_nvml_energy_joules(int gpu, double t)
{
    double low = number(gpu, "low", 100), high = number(gpu, "high", 600);
    double from = number(gpu, "from", 1), to = number(gpu, "to", 2);
    char kind[32] = "constant";
    setting(gpu, "signal", kind, sizeof kind);
    if (strcmp(kind, "square") == 0) {
        double period = number(gpu, "period", 0.2), on = number(gpu, "duty", 0.5) * period;
        double cycles = whole(t / period), rest = t - cycles * period;
        return low * t + (high - low) * (cycles * on + clamp(rest, 0, on));
    }
    if (strcmp(kind, "burst") == 0) return low * t + (high - low) * clamp(t - from, 0, to - from);
    if (strcmp(kind, "ramp") == 0) {
        double x = clamp(t - from, 0, to - from);
        return low * t + (high - low) * x * x / (2 * (to - from));
    }
    return high * t;
}

static double mean_watts(int gpu, double end, double window)
{
    return (fake_nvml_energy_joules(gpu, end) - fake_nvml_energy_joules(gpu, end - window)) / window;
}

/* The newest update at or before t, of something renewed every `period`. */
static double updated(int gpu, double t, double period)
{
    double phase = number(gpu, "phase", 0);
    return phase + whole((t - phase) / period) * period;
}

/* Noise belongs to the update, so that whoever reads twice sees the same. */
static double noise(int gpu, double at)
{
    uint64_t x = (uint64_t)(int64_t)(at * 1e6) * 0x9E3779B97F4A7C15u + (uint64_t)gpu;
    x = (x ^ (x >> 31)) * 0xBF58476D1CE4E5B9u;
    return number(gpu, "noise", 0) * (2.0 * (double)((x ^ (x >> 29)) >> 11) / 9007199254740992.0 - 1);
}

static double instant_watts(int gpu, double t)
{
    const Profile *p = profile(gpu);
    double at = updated(gpu, t, p->update);
    return mean_watts(gpu, at, p->window) + noise(gpu, at);
}

static double average_watts(int gpu, double t)
{
    double at = updated(gpu, t, profile(gpu)->average);
    return mean_watts(gpu, at, 1.0) + noise(gpu, at) / 3;
}

static uint64_t counter_mj(int gpu, double t)
{
    const Profile *p = profile(gpu);
    double at = updated(gpu, t, p->counter), joules = fake_nvml_energy_joules(gpu, at);
    double reset = number(gpu, "reset", -1);
    char kind[32] = "truth";
    setting(gpu, "counter_from", kind, sizeof kind);
    if (strcmp(kind, "sensor") == 0) {
        joules = 0;
        for (double u = updated(gpu, 0, p->update) + p->update; u <= at + 1e-9; u += p->update)
            joules += mean_watts(gpu, u, p->window) * p->update;
    }
    if (reset >= 0 && t >= reset)
        return (uint64_t)(clamp(joules - fake_nvml_energy_joules(gpu, reset), 0, 1e15) * 1000);
    return (uint64_t)(number(gpu, "base_mj", 123456789) + joules * 1000);
}

/* ---- answering ----------------------------------------------------------------------------------------------- */

/* What every call on a device does first: it takes its time, and fails when the script says so. */
static int begin(const Gpu *gpu, const char *name)
{
    long delay = (long)number(gpu->index, "delay_us", 0);
    if (delay > 0) nanosleep(&(struct timespec){delay / 1000000, delay % 1000000 * 1000}, NULL);
    if (!users) return UNINITIALIZED;
    double t = now();
    if (within(gpu->index, "lost", t)) return GPU_IS_LOST;
    if (within(gpu->index, "unknown", t)) return UNKNOWN;
    if (within(gpu->index, "timeout", t)) return TIMEOUT;
    return name && lacks(gpu->index, name) ? NOT_SUPPORTED : SUCCESS;
}

#define BEGIN(name) do { int begun = begin(gpu, name); if (begun) return begun; } while (0)

static void set_milliwatts(Field *field, double watts)
{
    field->type = 1;
    field->value.u = (uint32_t)(watts * 1000 + 0.5);
}

static void answer(int gpu, Field *field, double t)
{
    const Profile *p = profile(gpu);
    char id[16];
    snprintf(id, sizeof id, "%u", field->field);
    /* Rubbish beforehand: nobody may use a value whose return says no. */
    field->value.ull = 0xDEADBEEFDEADBEEFu;
    field->type = 3;
    field->ret = within(gpu, "field_unknown", t) ? UNKNOWN : lacks(gpu, id) ? NOT_SUPPORTED : SUCCESS;
    if (field->ret) return;
    if (field->field == 186 && p->update > 0 && p->major >= 8) set_milliwatts(field, instant_watts(gpu, t));
    else if (field->field == 185 && p->average > 0) set_milliwatts(field, average_watts(gpu, t));
    else if (field->field == 83 && p->counter > 0) field->value.ull = counter_mj(gpu, t);
    else if (field->field == 82 && p->major >= 7 && p->update > 0) { field->type = 1; field->value.ull = 0; field->value.u = 51; }
    else field->ret = NOT_SUPPORTED;
}

API int nvmlDeviceGetFieldValues(Gpu *gpu, int count, Field *fields)
{
    BEGIN("field_values");
    for (int i = 0; i < count; i++) answer(gpu->index, &fields[i], now());
    return SUCCESS;
}

API int nvmlDeviceGetPowerUsage(Gpu *gpu, unsigned *milliwatts)
{
    BEGIN("power_usage");
    const Profile *p = profile(gpu->index);
    if (p->update <= 0) return NOT_SUPPORTED;
    int instant = p->major < 8 || (p->major == 8 && p->minor == 0);
    *milliwatts = (unsigned)(1000 * (instant ? instant_watts(gpu->index, now()) : average_watts(gpu->index, now())));
    return SUCCESS;
}

API int nvmlDeviceGetTotalEnergyConsumption(Gpu *gpu, unsigned long long *millijoules)
{
    BEGIN("total_energy");
    if (profile(gpu->index)->counter <= 0) return NOT_SUPPORTED;
    *millijoules = counter_mj(gpu->index, now());
    return SUCCESS;
}

/* ---- everything else: fixed answers --------------------------------------------------------------------------- */

API int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    int error = (int)number(0, "init", 0);
    if (error) return error;
    char text[64];
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (!users++) t0_ns = find("t0_ns", text, sizeof text) ? atoll(text) : t.tv_sec * 1000000000LL + t.tv_nsec;
    return SUCCESS;
}

API int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

API int nvmlShutdown(void)
{
    if (!users) return UNINITIALIZED;
    users--;
    return SUCCESS;
}

API const char *nvmlErrorString(int error)
{
    switch (error) {
    case SUCCESS: return "The operation was successful";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case NOT_FOUND: return "Not Found";
    case TIMEOUT: return "Timeout";
    case GPU_IS_LOST: return "GPU is lost";
    default: return "Unknown Error";
    }
}

API int nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = (unsigned)clamp(number(0, "gpus", 1), 0, MAX_GPUS);
    return users ? SUCCESS : UNINITIALIZED;
}

API int nvmlDeviceGetHandleByIndex_v2(unsigned index, Gpu **gpu)
{
    unsigned count;
    if (nvmlDeviceGetCount_v2(&count)) return UNINITIALIZED;
    if (index >= count) return INVALID_ARGUMENT;
    gpus[index].index = (int)index;
    *gpu = &gpus[index];
    return SUCCESS;
}

API int nvmlSystemGetDriverVersion(char *out, unsigned size)
{
    snprintf(out, size, "580.00.00");
    return SUCCESS;
}

/* A call that writes one text, and one that writes one number: NAMES of `no=` stand first. */
#define TEXT(name, call, ...) \
    API int call(Gpu *gpu, char *out, unsigned size) { BEGIN(name); snprintf(out, size, __VA_ARGS__); return SUCCESS; }
#define NUMBER(name, call, value) \
    API int call(Gpu *gpu, unsigned *out) { BEGIN(name); *out = (value); return SUCCESS; }
#define BY_KIND(name, call, value) \
    API int call(Gpu *gpu, int kind, unsigned *out) { BEGIN(name); (void)kind; *out = (value); return SUCCESS; }
#define PAIR(name, call, first, second) \
    API int call(Gpu *gpu, unsigned *a, unsigned *b) { BEGIN(name); *a = (first); *b = (second); return SUCCESS; }

TEXT("name", nvmlDeviceGetName, "Fake %s", profile(gpu->index)->name)
TEXT("uuid", nvmlDeviceGetUUID, "GPU-00000000-0000-0000-0000-00000000000%x", gpu->index)
TEXT("vbios", nvmlDeviceGetVbiosVersion, "96.00.00.00.01")
NUMBER("persistence", nvmlDeviceGetPersistenceMode, 1)
NUMBER("limit", nvmlDeviceGetEnforcedPowerLimit, 700000)
NUMBER("limit", nvmlDeviceGetPowerManagementLimit, 700000)
NUMBER("limit", nvmlDeviceGetPowerManagementDefaultLimit, 700000)
PAIR("limit", nvmlDeviceGetPowerManagementLimitConstraints, 200000, 700000)
PAIR("ecc", nvmlDeviceGetEccMode, 1, 1)
PAIR("mig", nvmlDeviceGetMigMode, 0, 0)
PAIR("capability", nvmlDeviceGetCudaComputeCapability, (unsigned)profile(gpu->index)->major,
     (unsigned)profile(gpu->index)->minor)
BY_KIND("temperature", nvmlDeviceGetTemperature, 44)
BY_KIND("clock", nvmlDeviceGetClockInfo, kind == 2 ? 2619 : 1755)
BY_KIND("clock", nvmlDeviceGetMaxClockInfo, kind == 2 ? 2619 : 1980)

API int nvmlDeviceGetUtilizationRates(Gpu *gpu, unsigned rates[2])
{
    BEGIN("utilization");
    rates[0] = 97;
    rates[1] = 61;
    return SUCCESS;
}

API int nvmlDeviceGetMemoryInfo(Gpu *gpu, unsigned long long memory[3])
{
    BEGIN("memory");
    memory[0] = 80ull << 30; /* total, free, used */
    memory[1] = 60ull << 30;
    memory[2] = 20ull << 30;
    return SUCCESS;
}

API int nvmlDeviceGetCurrentClocksEventReasons(Gpu *gpu, unsigned long long *reasons)
{
    BEGIN("reasons");
    *reasons = 0x4;
    return SUCCESS;
}
