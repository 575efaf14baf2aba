"""NVIDIA GPUs through NVML: one nvmlDeviceGetFieldValues call for each sample of the fast lane.

What nvml.h says and this module relies on: field 186 is instant power, field 185 a one-second average (both
mW), field 83 the energy in mJ since the driver was loaded; each field has an nvmlReturn of its own.
nvmlDeviceGetPowerUsage is instant power up to GA100 (compute capability 8.0) and a one-second average on
everything newer, so it only ever stands in for what it is. No process list is asked for: it costs
milliseconds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pynvml
from pydantic import JsonValue

from engine.clock import NS
from engine.errors import DeviceError, NoDevice
from engine.metrics import FAST_LANE
from engine.sources.nvml_calls import REFUSALS, Handle, T, field_value, provenance_of, slow_lane
from engine.sources.source import Reading, SlowCall

FIELDS = {
    "power_instant_watts": pynvml.NVML_FI_DEV_POWER_INSTANT,
    "power_average_watts": pynvml.NVML_FI_DEV_POWER_AVERAGE,
    "energy_joules": pynvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION,
}
# The newest compute capability whose nvmlDeviceGetPowerUsage is instant: GA100's. GA102, also Ampere, has
# 8.6.
GA100 = (8, 0)


class NvmlGpu:
    """GPU `index` of this machine; `open` asks it what it can do."""

    kind = "nvml"

    def __init__(self, handle: Handle, index: int) -> None:
        self._handle, self.index = handle, index
        self.device_id = self.device_name = ""
        self.fast_columns: tuple[str, ...] = ()
        self.slow_calls: tuple[SlowCall, ...] = ()
        self.unsupported: Mapping[str, str] = {}
        self.windows_ns: Mapping[str, int] = {"power_average_watts": NS}
        self.failure: str | None = None
        self._fields: dict[str, int] = {}
        self._calls: dict[str, Callable[[Handle], int]] = {}

    def open(self) -> "NvmlGpu":
        """Find out which columns the GPU offers and by which call; raises NVMLError if it does not answer."""
        self.device_name = pynvml.nvmlDeviceGetName(self._handle)
        self.device_id = pynvml.nvmlDeviceGetUUID(self._handle)
        refused = self._refused_fields()
        self._fields = {name: field for name, field in FIELDS.items() if name not in refused}
        for name in list(refused):
            if (call := self._stand_in(name)) is not None:
                self._calls[name] = call
                del refused[name]
        slow_calls, slow_refused = slow_lane(self._handle)
        self.fast_columns = tuple(name for name in FAST_LANE if name not in refused)
        self.slow_calls, self.unsupported = tuple(slow_calls), refused | slow_refused
        return self

    def read_fast(self) -> tuple[Reading, ...]:
        """One sample in one driver call (and one more for each column that has no field here)."""
        self.failure = None
        readings = self._read_fields()
        for name, call in self._calls.items():
            readings[name] = self._milli(call, self._handle)
        return tuple(readings[name] for name in self.fast_columns)

    def provenance(self) -> dict[str, JsonValue]:
        """Name, UUID, VBIOS, driver, power limit, clocks, ECC, MIG, persistence."""
        return provenance_of(self._handle, self.index)

    def close(self) -> None:
        """Let the driver go, which counts who uses it; one that is gone already needs no goodbye."""
        self._try(pynvml.nvmlShutdown)

    def _read_fields(self) -> dict[str, Reading]:
        if not self._fields:
            return {}
        values = self._try(pynvml.nvmlDeviceGetFieldValues, self._handle, list(self._fields.values()))
        if values is None:
            return dict.fromkeys(self._fields)
        return {name: self._milli(field_value, value) for name, value in zip(self._fields, values, strict=True)}

    def _milli(self, call: Callable[[Any], float], argument: Any) -> float | None:
        """Milliwatts or millijoules as watts or joules."""
        value = self._try(call, argument)
        return None if value is None else value / 1000

    def _try(self, call: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return call(*arguments)
        except pynvml.NVMLError as error:
            self.failure = str(error)
            return None

    def _refused_fields(self) -> dict[str, str]:
        try:
            values = pynvml.nvmlDeviceGetFieldValues(self._handle, list(FIELDS.values()))
        except pynvml.NVMLError as error:
            return dict.fromkeys(FIELDS, str(error)) if error.value in REFUSALS else {}
        refused = {}
        for name, value in zip(FIELDS, values, strict=True):
            if value.nvmlReturn in REFUSALS:
                refused[name] = str(pynvml.NVMLError(value.nvmlReturn))
        return refused

    def _stand_in(self, name: str) -> Callable[[Handle], int] | None:
        """The older call that gives what the refused field `name` would have given."""
        call = pynvml.nvmlDeviceGetPowerUsage
        if name == "energy_joules":
            call = pynvml.nvmlDeviceGetTotalEnergyConsumption
        elif self._power_usage_is_instant() != (name == "power_instant_watts"):
            return None
        try:
            call(self._handle)
        except pynvml.NVMLError as error:
            if error.value in REFUSALS:
                return None
        stand_in: Callable[[Handle], int] = call
        return stand_in

    def _power_usage_is_instant(self) -> bool:
        capability = self._try(pynvml.nvmlDeviceGetCudaComputeCapability, self._handle)
        # A GPU that does not say what it is gets the weaker promise.
        return capability is not None and tuple(capability) <= GA100


def open_nvml(gpus: Sequence[str] = ()) -> list[NvmlGpu]:
    """The GPUs called `gpus` (indices or UUIDs), or all of them.

    Raises NoDevice when there is no driver, no GPU or no permission, DeviceError when a GPU does not answer.
    """
    _initialise()
    opened: list[NvmlGpu] = []
    try:
        for index in _chosen(gpus):
            pynvml.nvmlInit()  # once for each GPU: its close takes one away
            opened.append(_open_gpu(index))
    except DeviceError:
        for gpu in opened:
            gpu.close()
        raise
    finally:
        pynvml.nvmlShutdown()
    return opened


def _open_gpu(index: int) -> NvmlGpu:
    try:
        return NvmlGpu(pynvml.nvmlDeviceGetHandleByIndex(index), index).open()
    except pynvml.NVMLError as error:
        pynvml.nvmlShutdown()
        raise DeviceError(
            f"GPU {index} does not answer: {error}", remedy="choose the others with --gpus, or reset it"
        ) from error


def _chosen(gpus: Sequence[str]) -> list[int]:
    """Indices of the GPUs called `gpus`, each once; of all, when none is called."""
    known = {str(index): _uuid(index) for index in range(pynvml.nvmlDeviceGetCount())}
    if not known:
        raise NoDevice("the NVIDIA driver sees no GPU", remedy=SHOW_THE_GPU)
    indices = {index: index for index in known} | {uuid: index for index, uuid in known.items() if uuid}
    for name in gpus:
        if name not in indices:
            there = ", ".join(f"{index} ({uuid or 'does not answer'})" for index, uuid in known.items())
            raise NoDevice(f"no GPU is called {name!r}", remedy=f"there are {there}")
    return sorted({int(indices[name]) for name in gpus or known})


def _uuid(index: int) -> str | None:
    try:
        uuid: str = pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(index))
    except pynvml.NVMLError:
        return None
    return uuid


def _initialise() -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        what, remedy = _NO_DRIVER.get(error.value, (f"the NVIDIA driver refuses: {error}", "see nvidia-smi"))
        raise NoDevice(what, remedy=remedy) from error


SHOW_THE_GPU = "see whether nvidia-smi lists it; in a container, start it with --gpus all"
_NO_DRIVER = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: (
        "no NVIDIA driver library (libnvidia-ml.so.1) is installed",
        "install NVIDIA's driver; in a container, start it with --gpus all",
    ),
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: (
        "the NVIDIA kernel driver is not loaded",
        "load it (sudo modprobe nvidia), or reboot after installing it",
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "no permission to use the NVIDIA driver",
        "let this user read and write /dev/nvidiactl and /dev/nvidia*",
    ),
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
        "the NVIDIA library and kernel driver are of different versions",
        "reboot, or reload the kernel driver: it was updated while running",
    ),
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: (
        "the NVIDIA driver is too old",
        "install a driver of this decade",
    ),
}
