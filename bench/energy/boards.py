"""A board's power sensors without the board: what each field reads at any moment, for a signal known exactly."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bench.energy.signals import Signal

NOISE_WATTS = 0.5
COUNTED_BEFORE_JOULES = 123_456.789


@dataclass(frozen=True)
class Board:
    """Update period and window of the instant field, and update periods of average and counter; 0: has none."""

    update: float
    window: float
    average: float
    counter: float


BOARDS = {
    "hopper": Board(0.100, 0.025, 0.100, 0.100),
    "volta": Board(0.020, 0.010, 0, 0.020),
    "pascal": Board(0.020, 0.010, 0, 0),
}


@dataclass(frozen=True)
class Reading:
    """One sample as EnergyMeter takes it."""

    instant: float | None = None
    average: float | None = None
    joules: float | None = None


NOTHING = Reading()


class Sensors:
    """The three fields of one board. Their updates share one phase, or each has its own (`together`)."""

    def __init__(self, board: Board, signal: Signal, random: Random, *, together: bool, from_sensor: bool) -> None:
        self._signal = signal
        phase = random.uniform(0, board.update)
        phases = [phase] * 3 if together else [random.uniform(0, board.update) for _ in range(3)]
        noise = Noise(random.getrandbits(64))

        def instant(t: float) -> float:
            return round(self._mean(t, board.window) + noise.at(t, NOISE_WATTS), 3)

        def average(t: float) -> float:
            return round(self._mean(t, 1.0) + noise.at(t, NOISE_WATTS / 3), 3)

        self._instant = Held(board.update, phases[0], instant)
        self._average = Held(board.average, phases[1], average)
        told = self._fed_by_the_sensor(board, phases[2]) if from_sensor else self._true_counter
        self._counter = Held(board.counter, phases[2], told)

    def read(self, t: float) -> Reading:
        """What a call at second `t` gets."""
        return Reading(self._instant.at(t), self._average.at(t), self._counter.at(t))

    def _mean(self, t: float, window: float) -> float:
        return self._signal.joules(t - window, t) / window

    def _true_counter(self, t: float) -> float:
        return math.floor((COUNTED_BEFORE_JOULES + self._signal.energy(t)) * 1000) / 1000

    def _fed_by_the_sensor(self, board: Board, phase: float) -> Callable[[float], float]:
        sums: dict[int, float] = {}

        def told(t: float) -> float:
            number = round((t - phase) / board.counter)
            before = sums.get(number - 1, COUNTED_BEFORE_JOULES)
            sums[number] = before + self._mean(t, board.window) * board.counter
            return math.floor(sums[number] * 1000) / 1000

        return told


class Held:
    """A field that is renewed every `period` seconds and held in between; without a period it is absent."""

    def __init__(self, period: float, phase: float, told: Callable[[float], float]) -> None:
        self._period, self._phase, self._told = period, phase, told
        self._number, self._value = None, None  # type: int | None, float | None

    def at(self, t: float) -> float | None:
        """What it reads at second `t`; moments come in order."""
        if self._period <= 0:
            return None
        number = math.floor((t - self._phase) / self._period)
        while number != self._number:
            self._number = number if self._number is None else self._number + 1
            self._value = self._told(self._phase + self._number * self._period)
        return self._value


class Noise:
    """Noise that belongs to the update: whoever reads twice sees the same."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def at(self, t: float, watts: float) -> float:
        """Normal noise of `watts` standard deviation."""
        return Random(hash((self._seed, round(t * 1e6), watts))).gauss(0, watts)
