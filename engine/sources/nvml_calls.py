"""What is asked of an NVIDIA GPU besides power: slow lane and provenance, and how answers are read."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pynvml
from pydantic import JsonValue

from engine.metrics import PROCESS_LANE
from engine.sources.source import ProcessCall, Reading, SlowCall

T = TypeVar("T")
V = TypeVar("V")
Handle = Any
"""pynvml is untyped."""

# What the driver answers when it never will: an older driver does not know the field, the board lacks the
# sensor.
REFUSALS = frozenset(
    {
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
    }
)

_UNION_MEMBERS = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: "dVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: "uiVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: "ulVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: "ullVal",
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: "sllVal",
    pynvml.NVML_VALUE_TYPE_SIGNED_INT: "siVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: "usVal",
}


def field_value(field: Any) -> float | int:
    """The number in one c_nvmlFieldValue_t, by its own type; raises NVMLError by its own return."""
    if field.nvmlReturn != pynvml.NVML_SUCCESS:
        raise pynvml.NVMLError(field.nvmlReturn)
    number: float | int = getattr(field.value, _UNION_MEMBERS[field.valueType])
    return number


def slow_lane(handle: Callable[[], Handle]) -> tuple[list[SlowCall], dict[str, str]]:
    """The slow calls that this GPU answers, and why it refuses the other columns.

    `handle` gives the GPU's present handle: a driver that was loaded again gives it another.
    """
    calls: list[SlowCall] = []
    unsupported: dict[str, str] = {}
    for columns, ways in _SLOW_LANE:
        chosen, reason = _first_way(handle(), ways)
        if chosen is None:
            unsupported |= dict.fromkeys(columns, reason)
        else:
            calls.append(SlowCall(columns, _quiet(chosen, handle, len(columns))))
    return calls, unsupported


def process_lane(handle: Callable[[], Handle]) -> tuple[ProcessCall | None, dict[str, str]]:
    """The call that lists the compute processes, or why this GPU refuses it."""
    chosen, reason = _first_way(handle(), _PROCESS_WAYS)
    if chosen is None:
        return None, dict.fromkeys(PROCESS_LANE, reason)
    return ProcessCall(PROCESS_LANE, _quiet(chosen, handle, len(PROCESS_LANE))), {}


def provenance_of(handle: Handle, index: int) -> dict[str, JsonValue]:
    """The board and how it is set up; None for what the driver does not tell."""
    power = _ask(pynvml.nvmlDeviceGetPowerManagementLimitConstraints, handle) or (None, None)
    ecc = _ask(pynvml.nvmlDeviceGetEccMode, handle) or (None,)
    mig = _ask(pynvml.nvmlDeviceGetMigMode, handle) or (None,)
    memory = _ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
    capability = _ask(pynvml.nvmlDeviceGetCudaComputeCapability, handle)
    return {
        "index": index,
        "name": _ask(pynvml.nvmlDeviceGetName, handle),
        "uuid": _ask(pynvml.nvmlDeviceGetUUID, handle),
        "vbios": _ask(pynvml.nvmlDeviceGetVbiosVersion, handle),
        "driver": _ask(pynvml.nvmlSystemGetDriverVersion),
        "compute_capability": None if capability is None else "{}.{}".format(*capability),
        "power_limit_watts": _thousandth(_ask(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)),
        "power_limit_default_watts": _thousandth(_ask(pynvml.nvmlDeviceGetPowerManagementDefaultLimit, handle)),
        "power_limit_range_watts": [_thousandth(power[0]), _thousandth(power[1])],
        "clock_sm_megahertz": _ask(pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_SM),
        "clock_sm_max_megahertz": _ask(pynvml.nvmlDeviceGetMaxClockInfo, handle, pynvml.NVML_CLOCK_SM),
        "clock_sm_application_megahertz": _ask(pynvml.nvmlDeviceGetApplicationsClock, handle, pynvml.NVML_CLOCK_SM),
        "clock_sm_application_default_megahertz": _ask(
            pynvml.nvmlDeviceGetDefaultApplicationsClock, handle, pynvml.NVML_CLOCK_SM
        ),
        "clock_memory_megahertz": _ask(pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_MEM),
        "clock_memory_max_megahertz": _ask(pynvml.nvmlDeviceGetMaxClockInfo, handle, pynvml.NVML_CLOCK_MEM),
        "memory_total_bytes": None if memory is None else memory.total,
        "ecc": _switch(ecc[0]),
        "mig": _switch(mig[0]),
        "persistence": _switch(_ask(pynvml.nvmlDeviceGetPersistenceMode, handle)),
    }


def _first_way(handle: Handle, ways: Sequence["Way[V]"]) -> tuple["Way[V] | None", str]:
    reason = ""
    for way in ways:
        try:
            way(handle)
        except pynvml.NVMLError as error:
            if error.value in REFUSALS:
                reason = reason or str(error)
                continue
        return way, ""
    return None, reason


def _quiet(way: "Way[V]", handle: Callable[[], Handle], width: int) -> Callable[[], Sequence[V | None]]:
    def read() -> Sequence[V | None]:
        try:
            return way(handle())
        except pynvml.NVMLError:
            # Not now: missing in this row, asked again for the next. The fast lane tells of a lost GPU.
            return (None,) * width

    return read


def _ask(function: Callable[..., T], *arguments: Any) -> T | None:
    try:
        return function(*arguments)
    except pynvml.NVMLError:
        return None


def _thousandth(value: int | None) -> float | None:
    return None if value is None else value / 1000


def _switch(value: int | None) -> bool | None:
    return None if value is None else value == pynvml.NVML_FEATURE_ENABLED


Way = Callable[[Handle], Sequence[V]]


def _memory_temperature(handle: Handle) -> Sequence[Reading]:
    return (field_value(pynvml.nvmlDeviceGetFieldValues(handle, [pynvml.NVML_FI_DEV_MEMORY_TEMP])[0]),)


def _utilization(handle: Handle) -> Sequence[Reading]:
    rates = pynvml.nvmlDeviceGetUtilizationRates(handle)
    return rates.gpu, rates.memory


def _processes(listed: Callable[[Handle], Sequence[Any]]) -> Way[Reading | str]:
    def read(handle: Handle) -> Sequence[Reading | str]:
        ids = sorted({process.pid for process in listed(handle)})
        return len(ids), ",".join(map(str, ids))

    return read


_PROCESS_WAYS = (
    _processes(pynvml.nvmlDeviceGetComputeRunningProcesses_v3),
    _processes(pynvml.nvmlDeviceGetComputeRunningProcesses_v2),
)

# Columns, and the ways to ask for them: the first that is not refused is used, others serve other drivers.
_SLOW_LANE: tuple[tuple[tuple[str, ...], tuple[Way[Reading], ...]], ...] = (
    (
        ("temperature_celsius",),
        (
            lambda gpu: (pynvml.nvmlDeviceGetTemperature(gpu, pynvml.NVML_TEMPERATURE_GPU),),
            lambda gpu: (pynvml.nvmlDeviceGetTemperatureV(gpu, pynvml.NVML_TEMPERATURE_GPU),),
        ),
    ),
    (("memory_temperature_celsius",), (_memory_temperature,)),
    (("utilization_percent", "memory_utilization_percent"), (_utilization,)),
    (
        ("clock_sm_megahertz",),
        (lambda gpu: (pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_SM),),),
    ),
    (
        ("clock_memory_megahertz",),
        (lambda gpu: (pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_MEM),),),
    ),
    (("memory_used_bytes",), (lambda gpu: (pynvml.nvmlDeviceGetMemoryInfo(gpu).used,),)),
    (
        ("throttle_reasons",),
        (
            lambda gpu: (pynvml.nvmlDeviceGetCurrentClocksEventReasons(gpu),),
            lambda gpu: (pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu),),
        ),
    ),
    (("power_limit_watts",), (lambda gpu: (pynvml.nvmlDeviceGetEnforcedPowerLimit(gpu) / 1000,),)),
)
