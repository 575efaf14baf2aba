"""A simulated GPU: watts from what the simulated arms really do, seen through a sensor like a Hopper's.

The load is read whenever the device is read and held until the next time; between two loads everything is
integrated exactly, so how often one looks matters only for how soon a new load is seen. A reading that finds neither
another load nor another tick does next to nothing. With a fake clock, a seed and a scripted load, every value is
determined.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from pydantic import JsonValue

from engine.clock import NS, Clock
from engine.errors import NoDevice
from engine.metrics import FAST_LANE, PROCESS_LANE
from engine.occupancy import Load, Occupancy
from engine.sources.source import Answer, ProcessCall, Reading, SlowCall

TICK_NS = NS // 10
INSTANT_WINDOW_NS = NS // 40
AVERAGE_WINDOW_NS = NS
_WINDOWS_NS = {"power_instant_watts": INSTANT_WINDOW_NS, "power_average_watts": AVERAGE_WINDOW_NS}

# Clocks-event-reasons bits, as nvml.h numbers them.
REASON_IDLE, REASON_POWER_CAP = 0x1, 0x4


@dataclass(frozen=True)
class Board:
    """The simulated board: round numbers in the range of an H100 SXM that decodes a small model."""

    idle_watts: float = 75.0
    memory_watts: float = 230.0
    compute_watts: float = 330.0
    limit_watts: float = 700.0
    memory_bytes: int = 80_000_000_000
    noise_watts: float = 0.5
    ambient_celsius: float = 28.0
    celsius_per_watt: float = 0.06
    core_seconds: float = 12.0
    memory_seconds: float = 25.0

    def watts(self, loads: Iterable[Load]) -> float:
        """Power under all `loads` at once: sub-linear, and no more than a full GPU."""
        busy = list(loads)
        memory = min(1.0, sum(load.memory_share for load in busy))
        compute = min(1.0, sum(load.compute_share for load in busy))
        watts = self.memory_watts * math.pow(memory, 0.8) + self.compute_watts * math.pow(compute, 0.8)
        return min(self.limit_watts, self.idle_watts + watts)


class Body:
    """Power, energy and heat as time goes on; power is constant between two calls of `advance`."""

    def __init__(self, board: Board, t_ns: int) -> None:
        self._board, self._now_ns = board, t_ns
        # The energy curve's corners, oldest first: when power changed, to what, and the energy until then.
        self._times, self._watts, self._joules = [t_ns], [board.idle_watts], [0.0]
        self.core_celsius = self.memory_celsius = self._settled()

    @property
    def watts(self) -> float:
        """Power now."""
        return self._watts[-1]

    def advance(self, t_ns: int, watts: float) -> None:
        """Draw the present power up to `t_ns`, and `watts` from there on."""
        self._warm((t_ns - self._now_ns) / NS)
        self._now_ns = t_ns
        if watts != self.watts:
            joules = self.energy_joules(t_ns)
            self._times.append(t_ns)
            self._watts.append(watts)
            self._joules.append(joules)
            self._forget(t_ns - AVERAGE_WINDOW_NS - TICK_NS)

    def energy_joules(self, t_ns: int) -> float:
        """Energy from the beginning up to `t_ns`, at most 1.1 s ago; before the beginning it idled."""
        corner = max(0, bisect_right(self._times, t_ns) - 1)
        watts = self._watts[corner] if t_ns >= self._times[corner] else self._board.idle_watts
        return self._joules[corner] + watts * (t_ns - self._times[corner]) / NS

    def mean_watts(self, end_ns: int, window_ns: int) -> float:
        """Mean power over the `window_ns` up to `end_ns`."""
        return (self.energy_joules(end_ns) - self.energy_joules(end_ns - window_ns)) * NS / window_ns

    def _settled(self) -> float:
        return self._board.ambient_celsius + self._board.celsius_per_watt * self.watts

    def _warm(self, seconds: float) -> None:
        settled = self._settled()
        self.core_celsius = _approach(self.core_celsius, settled, seconds / self._board.core_seconds)
        self.memory_celsius = _approach(self.memory_celsius, settled, seconds / self._board.memory_seconds)

    def _forget(self, before_ns: int) -> None:
        """Drop corners that no window reaches any more, a hundred at a time."""
        if len(self._times) > 200 and self._times[100] < before_ns:
            del self._times[:100], self._watts[:100], self._joules[:100]


class SimulatedGpu:
    """The device: reads `loads`, and answers as a Hopper's NVML would.

    The instant field is held for 100 ms and covers the last 25 ms of it, the average covers one second, the
    energy counter (mJ) is exact; all three are renewed every 100 ms at a phase that comes from `seed`. Who
    computes on it is whom `writers` names.
    """

    kind = "simulated"
    device_name = "Simulated GPU"

    def __init__(
        self,
        clock: Clock,
        loads: Callable[[], list[Load]] = list,
        *,
        seed: int = 0,
        index: int = 0,
        board: Board | None = None,
        writers: Callable[[], list[int]] = list,
        held_bytes: Callable[[], int] = int,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        # Every board has noise, a phase and a counter of its own.
        seed += index
        self._clock, self._loads, self._seed, self._close = clock, loads, seed, close
        self._held_bytes = held_bytes
        self.board = board or Board()
        self.index, self.device_id = index, f"SIM-{seed}"
        self.fast_columns: tuple[str, ...] = FAST_LANE
        self.unsupported: Mapping[str, str] = {}
        self.windows_ns: Mapping[str, int] = _WINDOWS_NS
        self.notes: tuple[str, ...] = ()
        self.failure: str | None = None
        self.slow_calls = tuple(SlowCall(columns, read) for columns, read in self._slow_lane())
        self.process_call: ProcessCall | None = ProcessCall(PROCESS_LANE, lambda: _listed(writers()))
        random = Random(seed)
        self._phase_ns = random.randrange(TICK_NS)
        # A real counter has been running since the driver was loaded: nobody may rely on it starting at 0.
        self._counted_before = random.randrange(10_000, 1_000_000)
        self._body = Body(self.board, clock.now_ns())
        self._load: list[Load] = []
        self._tick: int | None = None
        self._held: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def read_fast(self) -> tuple[Reading, ...]:
        """Instant power, average power and energy as the sensor last published them."""
        t_ns, load = self._clock.now_ns(), self._loads()
        if load != self._load:
            self._load = load
            self._body.advance(t_ns, self.board.watts(load))
        tick = (t_ns - self._phase_ns) // TICK_NS
        if tick != self._tick:
            self._tick, self._held = tick, self._publish(tick)
        return self._held

    def readings(self, answer: Answer) -> tuple[Reading, ...]:
        """They are that already."""
        held: tuple[Reading, ...] = answer
        return held

    def provenance(self) -> dict[str, JsonValue]:
        """What the simulation assumes."""
        return {
            "index": self.index,
            "name": self.device_name,
            "uuid": self.device_id,
            "seed": self._seed,
            "idle_watts": self.board.idle_watts,
            "power_limit_watts": self.board.limit_watts,
            "memory_total_bytes": self.board.memory_bytes,
        }

    def close(self) -> None:
        """Let the occupancy file go."""
        self._close()

    def _publish(self, tick: int) -> tuple[float, float, float]:
        end_ns = self._phase_ns + tick * TICK_NS
        # Noise belongs to the tick, not to the read: who polls faster must not see another signal.
        noise = Random(self._seed * 1_000_003 + tick)
        sigma = self.board.noise_watts
        instant = self._body.mean_watts(end_ns, INSTANT_WINDOW_NS) + noise.gauss(0, sigma)
        # Ten instant readings go into an average, so their noise shrinks by the root of ten.
        average = self._body.mean_watts(end_ns, AVERAGE_WINDOW_NS) + noise.gauss(0, sigma / math.sqrt(10))
        millijoules = math.floor((self._counted_before + self._body.energy_joules(end_ns)) * 1000)
        return round(instant, 3), round(average, 3), millijoules / 1000

    def _slow_lane(self) -> list[tuple[tuple[str, ...], Callable[[], tuple[Reading, ...]]]]:
        return [
            (("temperature_celsius",), lambda: (round(self._heated().core_celsius),)),
            (("memory_temperature_celsius",), lambda: (round(self._heated().memory_celsius),)),
            (("utilization_percent", "memory_utilization_percent"), self._utilization),
            # Arms that would not fit beside each other are simulated all the same, and fill it.
            (("memory_used_bytes",), lambda: (min(self._held_bytes(), self.board.memory_bytes),)),
            (("clock_sm_megahertz",), lambda: (1980 if self._busy() else 345,)),
            (("clock_memory_megahertz",), lambda: (2619,)),
            (("throttle_reasons",), lambda: (self._reasons(),)),
            (("power_limit_watts",), lambda: (self.board.limit_watts,)),
        ]

    def _heated(self) -> Body:
        """The body, as warm as it is by now."""
        self._body.advance(self._clock.now_ns(), self._body.watts)
        return self._body

    def _busy(self) -> bool:
        return any(load.memory_share or load.compute_share for load in self._load)

    def _utilization(self) -> tuple[Reading, ...]:
        # NVML counts time with at least one kernel running, however small: so 0 or 100 here.
        traffic = min(1.0, sum(load.memory_share for load in self._load))
        return (100 if self._busy() else 0), round(100 * traffic)

    def _reasons(self) -> int:
        if self._body.watts >= self.board.limit_watts:
            return REASON_POWER_CAP
        return 0 if self._busy() else REASON_IDLE


def open_simulated(clock: Clock, occupancy: Path | None, *, seed: int = 0, index: int = 0) -> SimulatedGpu:
    """The simulated GPU `index`, which follows its arms in the file `occupancy` (None: it idles)."""
    if occupancy is None:
        return SimulatedGpu(clock, seed=seed, index=index)
    file = _opened(occupancy)
    slots = file.slots_of(index)
    loads, writers, held = _following(file, slots), partial(file.writers, slots), partial(file.held_bytes, index)
    return SimulatedGpu(clock, loads, seed=seed, index=index, writers=writers, held_bytes=held, close=file.close)


def _following(file: Occupancy, slots: list[int]) -> Callable[[], list[Load]]:
    """Gives the loads of `slots`; they are made anew only when something in the file is another."""
    seen, loads = b"", list[Load]()

    def read() -> list[Load]:
        nonlocal seen, loads
        raw = file.raw()
        if raw != seen:
            seen, loads = raw, file.read_all(slots)
        return loads

    return read


def simulated_gpus(occupancy: Path | None) -> list[int]:
    """The simulated GPUs that arms are on, by their indices."""
    if occupancy is None:
        return [0]
    file = _opened(occupancy)
    indices = file.gpus
    file.close()
    return indices


def _opened(occupancy: Path) -> Occupancy:
    try:
        return Occupancy(occupancy)
    except (OSError, ValueError) as error:
        what = f"the simulated GPU cannot read its arms' occupancy in {occupancy}: {error}"
        raise NoDevice(what, remedy="create the file with Occupancy.create first") from error


def _listed(pids: list[int]) -> tuple[int, str]:
    return len(pids), ",".join(map(str, pids))


def _approach(value: float, settled: float, time_constants: float) -> float:
    return settled + (value - settled) * math.exp(-time_constants)
