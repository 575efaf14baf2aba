"""One NVIDIA GPU through NVML: one nvmlDeviceGetFieldValues call for each sample of the fast lane.

What nvml.h says and this module relies on: field 186 is instant power, field 185 a one-second average (both
mW), field 83 the energy in mJ since the driver was loaded; each field has an nvmlReturn of its own. Scope 1
of the power fields is the whole module, where GPU and CPU share one (Grace). nvmlDeviceGetPowerUsage is
instant power up to GA100 (compute capability 8.0) and a one-second average on everything newer, so it only
ever stands in for what it is. The process list costs milliseconds and is for a loop of its own.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pynvml
from pydantic import JsonValue

from engine.clock import NS
from engine.metrics import EXTRA_LANE, FAST_LANE
from engine.sources.fields import Field, FieldReader
from engine.sources.nvml_calls import REFUSALS, Handle, process_lane, provenance_of, slow_lane
from engine.sources.source import Answer, ProcessCall, Reading, SlowCall

FIELDS: dict[str, Field] = {
    "power_instant_watts": (pynvml.NVML_FI_DEV_POWER_INSTANT, 0),
    "power_average_watts": (pynvml.NVML_FI_DEV_POWER_AVERAGE, 0),
    "energy_joules": (pynvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, 0),
    "module_power_instant_watts": (pynvml.NVML_FI_DEV_POWER_INSTANT, 1),
    "module_power_average_watts": (pynvml.NVML_FI_DEV_POWER_AVERAGE, 1),
}
# The newest compute capability whose nvmlDeviceGetPowerUsage is instant: GA100's. GA102, also Ampere, has
# 8.6.
GA100 = (8, 0)

# Errors after which the handle may be worth nothing: a driver that was loaded again knows neither us nor it.
_STALE = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        pynvml.NVML_ERROR_GPU_IS_LOST,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
    }
)
REVIVE_NS = NS // 2
_reviving = threading.Lock()

NO_POWER = "the board gives no power and no energy through NVML"
_TEGRA = "; on Tegra and Jetson boards the INA3221 rails have it (tegrastats shows them)"
_MIG_NOTE = "MIG is on: power and energy are the whole board's, NVML has none for an instance"


class NvmlGpu:
    """GPU `index` of this machine; `open` asks it what it can do."""

    kind = "nvml"

    def __init__(self, handle: Handle, index: int) -> None:
        self._handle, self.index = handle, index
        self.device_id = self.device_name = ""
        self.fast_columns: tuple[str, ...] = ()
        self.slow_calls: tuple[SlowCall, ...] = ()
        self.process_call: ProcessCall | None = None
        self.unsupported: Mapping[str, str] = {}
        self.windows_ns: Mapping[str, int] = {"power_average_watts": NS, "module_power_average_watts": NS}
        self.notes: tuple[str, ...] = ()
        self.failure: str | None = None
        self._fields: FieldReader | None = None
        self._ask: Callable[[], bytes] = bytes
        self._names: tuple[str, ...] = ()
        self._calls: dict[str, Callable[[Handle], int]] = {}
        self._revived_ns = 0

    def open(self) -> "NvmlGpu":
        """Find out which columns the GPU offers and by which call; raises NVMLError if it does not answer."""
        self.device_name = pynvml.nvmlDeviceGetName(self._handle)
        self.device_id = pynvml.nvmlDeviceGetUUID(self._handle)
        refused = self._refused_fields()
        self._names = tuple(name for name in FIELDS if name not in refused)
        self._prepare()
        for name in FAST_LANE:
            if name in refused and (call := self._stand_in(name)) is not None:
                self._calls[name] = call
                del refused[name]
        self.fast_columns = tuple(name for name in FAST_LANE + EXTRA_LANE if name in {*self._names, *self._calls})
        slow_calls, slow_refused = slow_lane(lambda: self._handle)
        self.process_call, list_refused = process_lane(lambda: self._handle)
        # Nobody misses a module's power on a board that is none.
        refused = {name: reason for name, reason in refused.items() if name in FAST_LANE}
        self.slow_calls = tuple(slow_calls)
        self.unsupported = self._explained(refused) | slow_refused | list_refused
        if self._mig():
            self.notes = (f"gpu{self.index}: {_MIG_NOTE}",)
        return self

    def read_fast(self) -> Answer:
        """One sample in one driver call (and one more for each column that has no field here)."""
        try:
            answer: bytes | pynvml.NVMLError = self._ask()
        except pynvml.NVMLError as error:
            answer = self._failed(error)
        return (answer, *[self._asked(call) for call in self._calls.values()]) if self._calls else answer

    def readings(self, answer: Answer) -> tuple[Reading, ...]:
        """Watts and joules, of the milliwatts and millijoules that the driver answered."""
        self.failure = None
        if not self._calls:
            return tuple([None if value is None else value / 1000 for value in self._values(answer)])
        fields, *others = answer
        names, numbers = (*self._names, *self._calls), (*self._values(fields), *map(self._value, others))
        milli = dict(zip(names, numbers, strict=True))
        return tuple([None if (value := milli[name]) is None else value / 1000 for name in self.fast_columns])

    def provenance(self) -> dict[str, JsonValue]:
        """Name, UUID, VBIOS, driver, power limit, clocks, ECC, MIG, persistence, and what power is about."""
        module = any(name.startswith("module_") for name in self.fast_columns)
        return {**provenance_of(self._handle, self.index), "scope": "gpu" if module else "board"}

    def close(self) -> None:
        """Let the driver go, which counts who uses it; one that is gone already needs no goodbye."""
        self._try(pynvml.nvmlShutdown)

    # -- reading

    def _asked(self, call: Callable[[Handle], int]) -> int | pynvml.NVMLError:
        try:
            return call(self._handle)
        except pynvml.NVMLError as error:
            return self._failed(error)

    def _values(self, answer: bytes | pynvml.NVMLError) -> Sequence[Reading]:
        """In the order of `_names`."""
        if isinstance(answer, pynvml.NVMLError):
            self.failure = str(answer)
            return [None] * len(self._names)
        if self._fields is None:
            return ()
        values = self._fields.read(answer)
        if any(self._fields.codes):
            self.failure = self._refusals(self._fields.codes)
        return values

    def _value(self, answer: int | pynvml.NVMLError) -> Reading:
        if isinstance(answer, pynvml.NVMLError):
            self.failure = str(answer)
            return None
        return answer

    def _refusals(self, codes: Sequence[int]) -> str:
        found: dict[int, list[str]] = {}
        for name, code in zip(self._names, codes, strict=True):
            if code:
                found.setdefault(code, []).append(name)
        return "; ".join(f"{', '.join(names)}: {pynvml.NVMLError(code)}" for code, names in found.items())

    def _try(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """What the call gives, None if it fails."""
        try:
            return call(*arguments)
        except pynvml.NVMLError:
            return None

    # -- recovering

    def _failed(self, error: pynvml.NVMLError) -> pynvml.NVMLError:
        """That is the answer, then; and where it may help, the board is looked for anew."""
        if error.value in _STALE and time.monotonic_ns() - self._revived_ns >= REVIVE_NS:
            self._revive(error.value)
            self._revived_ns = time.monotonic_ns()
        return error

    def _revive(self, code: int) -> None:
        """Find the board again, if the driver has been loaded anew or knows the board under another handle."""
        with _reviving:
            try:
                if code == pynvml.NVML_ERROR_UNINITIALIZED:
                    # Each GPU's close takes one away, so each adds its own; the driver counts.
                    pynvml.nvmlInit()
                self._handle = pynvml.nvmlDeviceGetHandleByUUID(self.device_id)
            except pynvml.NVMLError:
                return
            self._prepare()

    def _prepare(self) -> None:
        fields = [FIELDS[name] for name in self._names]
        self._fields = FieldReader(self._handle, fields) if fields else None
        self._ask = self._fields.ask if self._fields else bytes

    # -- finding out

    def _refused_fields(self) -> dict[str, str]:
        try:
            fields = FieldReader(self._handle, list(FIELDS.values()))
            fields.read(fields.ask())
        except pynvml.NVMLError as error:
            if error.value in REFUSALS:
                return dict.fromkeys(FIELDS, str(error))
            # Not now: the columns that nearly every board has are taken to be there.
            return {name: str(error) for name in FIELDS if name not in FAST_LANE}
        return {
            name: str(pynvml.NVMLError(code))
            for name, code in zip(FIELDS, fields.codes, strict=True)
            if code in REFUSALS or (code and name not in FAST_LANE)
        }

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

    def _explained(self, refused: dict[str, str]) -> dict[str, str]:
        """The driver's reasons, and what to do instead if nothing at all can be read."""
        if self.fast_columns:
            return refused
        self.notes = (f"gpu{self.index} ({self.device_name}): {NO_POWER}{_TEGRA}",)
        return {name: f"{reason}: {NO_POWER}{_TEGRA}" for name, reason in refused.items()}

    def _mig(self) -> bool:
        mode = self._try(pynvml.nvmlDeviceGetMigMode, self._handle)
        return mode is not None and bool(mode[0] == pynvml.NVML_FEATURE_ENABLED)
