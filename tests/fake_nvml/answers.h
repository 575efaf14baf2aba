/* Everything but power: fixed answers. The first word of each is its name for the script's `no=`. */

API const char *nvmlErrorString(int error)
{
    switch (error) {
    case SUCCESS: return "The operation was successful";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case NOT_FOUND: return "Not Found";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case TIMEOUT: return "Timeout";
    case GPU_IS_LOST: return "GPU is lost";
    default: return "Unknown Error";
    }
}

API int nvmlSystemGetDriverVersion(char *out, unsigned size)
{
    snprintf(out, size, "580.00.00");
    return SUCCESS;
}

/* A call that writes one text, one that writes one number, one about a kind of something, one that writes two. */
#define TEXT(name, call, ...) \
    API int call(Gpu *gpu, char *out, unsigned size) { BEGIN(name); snprintf(out, size, __VA_ARGS__); return SUCCESS; }
#define NUMBER(name, call, value) \
    API int call(Gpu *gpu, unsigned *out) { BEGIN(name); *out = (value); return SUCCESS; }
#define BY_KIND(name, call, value) \
    API int call(Gpu *gpu, int kind, unsigned *out) { BEGIN(name); (void)kind; *out = (value); return SUCCESS; }
#define PAIR(name, call, first, second) \
    API int call(Gpu *gpu, unsigned *a, unsigned *b) { BEGIN(name); *a = (first); *b = (second); return SUCCESS; }

#define UUID "GPU-00000000-0000-0000-0000-00000000000"

TEXT("name", nvmlDeviceGetName, "Fake %s", gpu->board->profile.name)
TEXT("uuid", nvmlDeviceGetUUID, UUID "%x", gpu->board->index)
TEXT("vbios", nvmlDeviceGetVbiosVersion, "96.00.00.00.01")
NUMBER("persistence", nvmlDeviceGetPersistenceMode, 1)
NUMBER("limit", nvmlDeviceGetEnforcedPowerLimit, gpu->board->limit_mw)
NUMBER("limit", nvmlDeviceGetPowerManagementLimit, gpu->board->limit_mw)
NUMBER("limit", nvmlDeviceGetPowerManagementDefaultLimit, 700000)
PAIR("limit", nvmlDeviceGetPowerManagementLimitConstraints, 200000, 700000)
PAIR("ecc", nvmlDeviceGetEccMode, 1, 1)
PAIR("mig", nvmlDeviceGetMigMode, (unsigned)gpu->board->mig, (unsigned)gpu->board->mig)
PAIR("capability", nvmlDeviceGetCudaComputeCapability, (unsigned)gpu->board->profile.major,
     (unsigned)gpu->board->profile.minor)
BY_KIND("temperature", nvmlDeviceGetTemperature, 44)
BY_KIND("clock", nvmlDeviceGetClockInfo, kind == 2 ? 2619 : 1755)
BY_KIND("application", nvmlDeviceGetApplicationsClock, kind == 2 ? 2619 : gpu->board->application_mhz)
BY_KIND("application", nvmlDeviceGetDefaultApplicationsClock, kind == 2 ? 2619 : 1755)
BY_KIND("clock", nvmlDeviceGetMaxClockInfo, kind == 2 ? 2619 : 1980)

API int nvmlDeviceGetHandleByUUID(const char *uuid, Gpu **gpu)
{
    char each[64];
    for (unsigned index = 0; index < (unsigned)script.count; index++) {
        int error = nvmlDeviceGetHandleByIndex_v2(index, gpu);
        if (error) return error;
        snprintf(each, sizeof each, UUID "%x", (*gpu)->board->index);
        if (strcmp(each, uuid) == 0) return SUCCESS;
    }
    return NOT_FOUND;
}

API int nvmlDeviceGetIndex(Gpu *gpu, unsigned *index)
{
    BEGIN("index");
    *index = (unsigned)(gpu - gpus[generation]);
    return SUCCESS;
}

API int nvmlDeviceGetUtilizationRates(Gpu *gpu, unsigned rates[2])
{
    BEGIN("utilization");
    if (gpu->board->mig) return NOT_SUPPORTED;
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
    *reasons = gpu->board->reasons;
    return SUCCESS;
}

typedef struct { unsigned pid; unsigned long long bytes; unsigned gpu_instance, compute_instance; } ListedProcess;

/* As in nvml.h: `count` is how many there is room for, and then how many there are. */
API int nvmlDeviceGetComputeRunningProcesses_v3(Gpu *gpu, unsigned *count, ListedProcess *list)
{
    BEGIN("processes");
    const Board *b = gpu->board;
    if (b->list_us > 0) nanosleep(&(struct timespec){b->list_us / 1000000, b->list_us % 1000000 * 1000}, NULL);
    double t = now();
    unsigned room = *count;
    *count = 0;
    for (int i = 0; i < b->processes; i++) {
        const Process *p = &b->process[i];
        if (t < p->from || t >= p->to) continue;
        if (*count < room)
            list[*count] = (ListedProcess){p->pid, (unsigned long long)(p->mebibytes * 1048576), ~0u, ~0u};
        ++*count;
    }
    return *count > room ? TOO_SMALL : SUCCESS;
}
