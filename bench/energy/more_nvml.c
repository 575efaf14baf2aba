/* Calls that only the peers make, added to the tests' fake driver. All are weak: where the fake driver has the call
 * itself, that one counts. Declarations are our own, after NVIDIA's public documentation of nvml.h. */

#define API __attribute__((visibility("default"), weak))

enum { SUCCESS = 0, NOT_SUPPORTED = 3 };

int nvmlDeviceGetCudaComputeCapability(void *gpu, int *major, int *minor);
int nvmlDeviceGetTemperature(void *gpu, int sensor, unsigned *celsius);

/* Pascal is 4, Volta 5, Ampere 7, Hopper 9. */
API int nvmlDeviceGetArchitecture(void *gpu, unsigned *architecture)
{
    int major = 0, minor = 0, error = nvmlDeviceGetCudaComputeCapability(gpu, &major, &minor);
    *architecture = major <= 6 ? 4 : major == 7 ? 5 : major == 8 ? 7 : 9;
    return error;
}

typedef struct { unsigned version; int sensor, celsius; } Temperature;

API int nvmlDeviceGetTemperatureV(void *gpu, Temperature *temperature)
{
    return nvmlDeviceGetTemperature(gpu, temperature->sensor, (unsigned *)&temperature->celsius);
}

#define NUMBER(call, value) API int call(void *gpu, unsigned *out) { (void)gpu; *out = (value); return SUCCESS; }
#define NONE_RUNS(call) \
    API int call(void *gpu, unsigned *count, void *processes) { (void)gpu; (void)processes; *count = 0; return SUCCESS; }

NUMBER(nvmlDeviceGetComputeMode, 0)
NUMBER(nvmlDeviceGetPerformanceState, 0)
NUMBER(nvmlDeviceIsMigDeviceHandle, 0)
NONE_RUNS(nvmlDeviceGetComputeRunningProcesses_v2)
NONE_RUNS(nvmlDeviceGetComputeRunningProcesses_v3)
NONE_RUNS(nvmlDeviceGetGraphicsRunningProcesses_v2)
NONE_RUNS(nvmlDeviceGetGraphicsRunningProcesses_v3)

API int nvmlDeviceGetC2cModeInfoV(void *gpu, void *info) { (void)gpu; (void)info; return NOT_SUPPORTED; }
