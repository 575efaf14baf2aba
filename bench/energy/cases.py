"""The cases that the energy figures are judged by, and what is asked of each."""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from bench.energy.signals import Signal

Window = Literal["seconds", "command"]
Fault = Literal["", "reset", "lost"]

LONG, SHORT = 4.73, 0.53
"""Seconds; multiples of no period."""


@dataclass(frozen=True)
class Case:
    """One row: a signal read through a board's sensors over one window. `percent` is the error allowed."""

    name: str
    signal: Signal
    window: Window = "seconds"
    seconds: float = LONG
    board: str = "hopper"
    percent: float | None = None
    flags: tuple[str, ...] = ()
    valid: bool | None = True
    """None: where its edges leave too much open, the verdict is that the window is too short."""
    fault: Fault = ""
    counter_from_sensor: bool = False
    inside_uncertainty: bool = False
    methods: tuple[str, ...] = ()

    def drawn(self, random: Random) -> Signal:
        """The case's signal at a random phase, its begin in seconds after the window's start."""
        signal = self.signal
        if signal.kind == "square":
            return replace(signal, begin=random.uniform(0, signal.period))
        if signal.kind == "burst":
            # All of it inside the window where it fits, else cut off by the window's end.
            width = signal.end
            begin = random.uniform(0.05, max(self.seconds - width, 0.1))
            return replace(signal, begin=begin, end=begin + width)
        if signal.kind == "ramp":
            begin = random.uniform(0, 0.1) * self.seconds
            return replace(signal, begin=begin, end=begin + random.uniform(0.7, 0.9) * self.seconds)
        return signal


CONSTANT = Signal("constant")
SQUARE_40, SQUARE_100, SQUARE_200 = (Signal("square", period=ms / 1000) for ms in (40, 100, 200))
SQUARE_370 = Signal("square", period=0.37, duty=0.3)
SQUARE_1000 = Signal("square", period=1.0)
BURST = Signal("burst", end=0.3)
RAMP = Signal("ramp", end=1.0)

SIGNALS = {
    "constant": CONSTANT,
    "square 40 ms": SQUARE_40,
    "square 200 ms": SQUARE_200,
    "square 370 ms, 30 %": SQUARE_370,
    "square 1 s": SQUARE_1000,
    "burst 0.3 s": BURST,
    "ramp": RAMP,
}
BEATING = {"square 100 ms": SQUARE_100}
OTHERS = {
    "square 130 ms, 60 %": Signal("square", period=0.13, duty=0.6),
    "square 290 ms, 15 %": Signal("square", period=0.29, duty=0.15),
    "square 1.7 s": Signal("square", period=1.7),
    "sawtooth 0.8 s": Signal("ramp", period=0.8, end=0.8),
}
"""Other loads, in no demand. The method's rules were made with an eye on them too: fresh ones are a fairer test."""


def hopper_cases() -> list[Case]:
    """A sound counter that ticks every 100 ms, beside an instant field that looks 25 ms of every 100."""
    cases = [Case(name, signal, percent=0.1) for name, signal in SIGNALS.items()]
    cases.append(Case("square 100 ms", SQUARE_100, percent=0.1, flags=("sensor_beats_with_load",)))
    for name, signal in (SIGNALS | BEATING).items():
        percent = 0.2 if name == "constant" else 0.7
        cases.append(Case(name, signal, seconds=SHORT, percent=percent))
    for name, signal in (SIGNALS | BEATING).items():
        percent = {"constant": 0.1, "square 40 ms": 0.4}.get(name, 1.2)
        cases.append(Case(name, signal, "command", percent=percent))
    cases.append(Case("square 200 ms", SQUARE_200, "command", SHORT, percent=10, inside_uncertainty=True, valid=None))
    return cases


def volta_cases() -> list[Case]:
    """A V100's sensors: 10 of every 20 ms, no average field."""
    signals = SIGNALS | BEATING
    snapped = [Case(name, each, board="volta", percent=0.05) for name, each in signals.items()]
    given = [replace(case, window="command", percent=0.4) for case in snapped]
    return [*snapped, *given]


def faulty_cases() -> list[Case]:
    """What goes wrong in the field."""
    disagree = ("counter_average_disagree",)
    integrals = ("integral_instant", "integral_average")
    return [
        Case("counter fed by the sensor, square 100 ms", SQUARE_100, flags=disagree, valid=False,
             counter_from_sensor=True),
        Case("counter reset, constant", CONSTANT, percent=0.3, fault="reset", flags=("counter_reset",)),
        Case("counter reset, constant", CONSTANT, "command", percent=0.3, fault="reset", flags=("counter_reset",)),
        Case("1 s of GPU_IS_LOST, constant", CONSTANT, percent=0.3, fault="lost", flags=("gap",)),
        Case("1 s of GPU_IS_LOST, constant", CONSTANT, "command", percent=0.3, fault="lost", flags=("gap",)),
        Case("no counter, square 1 s", SQUARE_1000, board="pascal", percent=3, methods=integrals),
        Case("no counter, square 1 s", SQUARE_1000, "command", board="pascal", percent=3, methods=integrals),
    ]  # fmt: skip


def all_cases() -> list[Case]:
    """Every row of the table."""
    return [*hopper_cases(), *volta_cases(), *faulty_cases()]


def quick_cases() -> list[Case]:
    """A few of them: what differs most."""
    few = {"constant", "square 40 ms", "square 200 ms", "square 100 ms"}
    fewer = {"constant", "square 200 ms"}
    short = [case for case in all_cases() if case.seconds == SHORT or case.board == "volta"]
    rest = [case for case in hopper_cases() if case.seconds == LONG and case.name in few]
    return [*rest, *(case for case in short if case.name in fewer), *faulty_cases()]
