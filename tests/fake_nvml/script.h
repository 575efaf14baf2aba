/* The script of the fake NVML: parsed once into one Board for each GPU. Its syntax stands in fake_nvml.c. */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_GPUS = 16, MAX_SPANS = 8, SCRIPT_BYTES = 4096 };
enum Signal { CONSTANT, SQUARE, BURST, RAMP };

typedef struct { int count; double from[MAX_SPANS], to[MAX_SPANS]; } Spans;

/* What a kind of board has: update period and window of the instant sensor, period of the average and of the
 * counter (0: it has none of that), compute capability, and whether the counter is fed by the sensor. */
typedef struct { const char *name; double update, window, average, counter; int major, minor, fed, module; } Profile;

static const Profile PROFILES[] = {
    {"hopper", 0.100, 0.025, 0.100, 0.100, 9, 0, 0, 0},
    {"partsensor", 0.100, 0.025, 0.100, 0.100, 9, 0, 1, 0},
    {"gh200", 0.100, 0.020, 0.100, 0.100, 9, 0, 0, 1},
    {"ampere100", 0.100, 0.025, 0, 0.100, 8, 0, 0, 0},
    {"v100", 0.020, 0.010, 0, 0.020, 7, 0, 0, 0},
    {"volta", 0.020, 0.010, 0, 0.010, 7, 0, 0, 0},
    {"pascal", 0.020, 0.010, 0, 0, 6, 0, 0, 0},
    {"tegra", 0, 0, 0, 0, 8, 7, 0, 0},
    {"none", 0, 0, 0, 0, 8, 7, 0, 0},
};

/* A process that computes on the board for a while. */
typedef struct { unsigned pid; double mebibytes, from, to; } Process;

typedef struct {
    int index, mig, processes;
    Profile profile;
    enum Signal signal;
    double low, high, period, duty, from, to, every, signal_phase;
    double sensor_phase, counter_phase, noise, reset, base_mj, module_extra, no_after;
    long delay_us, list_us;
    Process process[MAX_SPANS];
    unsigned reasons, limit_mw, application_mhz;
    char no[256], no_later[256];
    Spans lost, unknown, timeout, field_unknown, hang;
} Board;

static struct {
    char text[SCRIPT_BYTES];
    int parsed, count, init_error, reorder;
    int64_t t0_ns; /* 0: not given */
    uint64_t seed;
    Spans reload;
    Board boards[MAX_GPUS];
} script;
static pthread_mutex_t script_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *find(const char *key, char *out, size_t size)
{
    size_t length = strlen(key);
    for (const char *at = script.text; *at; at = strchr(at, ';') ? strchr(at, ';') + 1 : at + strlen(at)) {
        if (strncmp(at, key, length) || at[length] != '=') continue;
        size_t n = strcspn(at + length + 1, ";");
        n = n < size - 1 ? n : size - 1;
        memcpy(out, at + length + 1, n);
        out[n] = 0;
        return out;
    }
    return NULL;
}

/* "gpu1.key" goes before "key". */
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

/* "1:2" or "1:2,3:inf" */
static Spans spans(int gpu, const char *key)
{
    Spans found = {0};
    char text[256];
    const char *at = setting(gpu, key, text, sizeof text);
    while (at && found.count < MAX_SPANS) {
        int i = found.count;
        if (sscanf(at, "%lf:%lf", &found.from[i], &found.to[i]) == 2) found.count++;
        at = strchr(at, ',');
        if (at) at++;
    }
    return found;
}

/* "4242:512:1:inf" (process id, MiB, seconds), several with commas; what is left out is 512, 0, inf. */
static void parse_processes(int gpu, Board *board)
{
    char text[256];
    const char *at = setting(gpu, "processes", text, sizeof text);
    while (at && *at && board->processes < MAX_SPANS) {
        Process *found = &board->process[board->processes];
        *found = (Process){0, 512, 0, 1e18};
        if (sscanf(at, "%u:%lf:%lf:%lf", &found->pid, &found->mebibytes, &found->from, &found->to) >= 1)
            board->processes++;
        at = strchr(at, ',');
        if (at) at++;
    }
}

/* Which span t is in, or -1. */
static int within(const Spans *spans, double t)
{
    for (int i = 0; i < spans->count; i++)
        if (t >= spans->from[i] && t < spans->to[i]) return i;
    return -1;
}

/* Whether the comma-separated `list` has `word`. */
static int lists(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == 0 || at[length] == ',')) return 1;
    return 0;
}

/* A number in [0, 1) that belongs to the seed, the board and `what`: splitmix64. */
static double drawn(int gpu, uint64_t what)
{
    uint64_t x = script.seed * 0x9E3779B97F4A7C15u + (uint64_t)gpu * 0xD1B54A32D192ED03u + what * 0x8CB92BA72F3D8DD7u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return (double)((x ^ (x >> 31)) >> 11) / 9007199254740992.0;
}

static Profile profile(int gpu)
{
    char text[64] = "hopper";
    setting(gpu, "profile", text, sizeof text);
    Profile found = PROFILES[0];
    for (size_t i = 0; i < sizeof PROFILES / sizeof *PROFILES; i++)
        if (strcmp(PROFILES[i].name, text) == 0) found = PROFILES[i];
    found.update = number(gpu, "update", found.update);
    found.window = number(gpu, "window", found.window);
    found.average = number(gpu, "average", found.average);
    found.counter = number(gpu, "counter", found.counter);
    found.module = (int)number(gpu, "module", found.module);
    if (setting(gpu, "counter_from", text, sizeof text)) found.fed = strcmp(text, "sensor") == 0;
    return found;
}

static void parse_signal(int i, Board *board)
{
    static const char *const kinds[] = {"constant", "square", "burst", "ramp"};
    char text[64] = "constant";
    setting(i, "signal", text, sizeof text);
    for (int kind = 0; kind < 4; kind++)
        if (strcmp(kinds[kind], text) == 0) board->signal = (enum Signal)kind;
    board->low = number(i, "low", 100);
    board->high = number(i, "high", 600);
    board->period = number(i, "period", 0.2);
    board->duty = number(i, "duty", 0.5);
    board->from = number(i, "from", 1);
    board->to = number(i, "to", board->signal == BURST ? board->from + 0.3 : board->from + 1);
    board->every = number(i, "every", 0);
    double cycle = board->signal == SQUARE ? board->period : board->every > 0 ? board->every : 0.1;
    board->signal_phase = number(i, "signal_phase", script.seed ? drawn(i, 1) * cycle : 0);
}

static void parse_board(int i)
{
    Board *board = &script.boards[i];
    *board = (Board){.index = i, .profile = profile(i)};
    parse_signal(i, board);
    board->sensor_phase = number(i, "phase", script.seed ? drawn(i, 2) * board->profile.update : 0);
    double otherwise = script.seed ? drawn(i, 3) * board->profile.counter : 0;
    board->counter_phase = number(i, "counter_phase", number(i, "phase", otherwise));
    board->noise = number(i, "noise", 0);
    board->reset = number(i, "reset", -1);
    board->base_mj = number(i, "base_mj", 123456789);
    board->module_extra = number(i, "module_extra", 100);
    board->mig = (int)number(i, "mig", 0);
    board->delay_us = (long)number(i, "delay_us", 0);
    board->list_us = (long)number(i, "list_us", 0);
    parse_processes(i, board);
    board->reasons = (unsigned)number(i, "reasons", 4);
    board->limit_mw = (unsigned)(1000 * number(i, "limit", 700));
    board->application_mhz = (unsigned)number(i, "application", 1755);
    board->no_after = number(i, "no_after", 0); /* atof stops at the colon */
    char text[256];
    if (setting(i, "no_after", text, sizeof text) && strchr(text, ':')) strcpy(board->no_later, strchr(text, ':') + 1);
    setting(i, "no", board->no, sizeof board->no);
    board->lost = spans(i, "lost");
    board->unknown = spans(i, "unknown");
    board->timeout = spans(i, "timeout");
    board->field_unknown = spans(i, "field_unknown");
    board->hang = spans(i, "hang");
}

/* Read the script, unless it is the one that was read last. */
static void parse(void)
{
    const char *text = getenv("FAKE_NVML");
    text = text ? text : "";
    pthread_mutex_lock(&script_lock);
    if (!script.parsed || strncmp(script.text, text, SCRIPT_BYTES - 1)) {
        char word[64];
        snprintf(script.text, SCRIPT_BYTES, "%s", text);
        script.count = (int)number(0, "gpus", 1);
        script.count = script.count < 0 ? 0 : script.count > MAX_GPUS ? MAX_GPUS : script.count;
        script.init_error = (int)number(0, "init", 0);
        script.reorder = (int)number(0, "reorder", 0);
        script.seed = (uint64_t)number(0, "seed", 0);
        script.t0_ns = find("t0_ns", word, sizeof word) ? atoll(word) : 0;
        script.reload = spans(0, "reload");
        for (int i = 0; i < MAX_GPUS; i++) parse_board(i);
        script.parsed = 1;
    }
    pthread_mutex_unlock(&script_lock);
}
