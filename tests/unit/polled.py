"""A Hopper-like sensor whose truth is known, polled as a sampler polls, and what can go wrong with it."""

import random
from collections.abc import Callable

from engine.clock import NS
from engine.energy import EnergyMeter, WindowEnergy

MS = 1_000_000
Truth = Callable[[float], float]
"""Joules since zero at a time in seconds."""


def constant(watts: float) -> Truth:
    return lambda t: watts * t


def square(period: float, low: float = 100.0, high: float = 600.0, duty: float = 0.5) -> Truth:
    def joules(t: float) -> float:
        whole, rest = divmod(t, period)
        per_period = period * (low + (high - low) * duty)
        return whole * per_period + low * rest + (high - low) * min(rest, duty * period)

    return joules


def held(truth: Truth, t: float, phase: float, period: float, window: float) -> float:
    """What a sensor shows at `t` that renews its value every `period` from the last `window`."""
    update = (t - phase) // period * period + phase
    return (truth(update) - truth(update - window)) / window


class Hopper:
    """A board's sensor: 25 of 100 ms instant, 1 s average, counter every 100 ms, each with a phase of its own.

    `counter` is what the counter believes to have gone, where that is not the truth.
    """

    def __init__(self, truth: Truth, rng: random.Random, counter: Truth | None = None) -> None:
        self.phases = [rng.uniform(0, 0.1) for _ in range(3)]
        self._truth, self._counted, self._rng = truth, counter or truth, rng
        self._noise: dict[int, float] = {}

    def instant(self, t: float) -> float:
        step = int((t - self.phases[0]) / 0.1)
        noise = self._noise.setdefault(step, self._rng.gauss(0, 0.5))
        return held(self._truth, t, self.phases[0], 0.1, 0.025) + noise

    def average(self, t: float) -> float:
        return held(self._truth, t, self.phases[1], 0.1, 1.0)

    def joules(self, t: float, reset_at: float = 1e9) -> float:
        ticked = (t - self.phases[2]) // 0.1 * 0.1 + self.phases[2]
        return round(1000 + self._counted(ticked) - (self._counted(reset_at) + 1000 if ticked > reset_at else 0), 3)


def meter_of(
    truth: Truth,
    *,
    seconds: float,
    seed: int = 0,
    poll_ms: float = 1.0,
    counter: Truth | None = None,
    lost: tuple[float, float] = (0.0, 0.0),
    asleep: tuple[float, float] = (0.0, 0.0),
    reset_at: float = 1e9,
    with_counter: bool = True,
    with_instant: bool = True,
    with_average: bool = True,
    uncounted: tuple[float, float] = (0.0, 0.0),
) -> EnergyMeter:
    """A meter that polled a Hopper-like sensor. It answered nothing while `lost`; nobody asked while `asleep`."""
    rng = random.Random(seed)
    board = Hopper(truth, rng, counter)
    meter, t = EnergyMeter({"power_instant_watts": 25 * MS}), 2.0
    while t < 2.0 + seconds:
        t += poll_ms / 1000
        seen = t + abs(rng.gauss(0, 2e-5))
        if asleep[0] <= seen < asleep[1]:
            continue
        if lost[0] <= seen < lost[1]:
            meter.add(round(seen * NS), instant=None, average=None, joules=None)
            continue
        instant = board.instant(seen)
        meter.add(
            round(seen * NS),
            instant=instant if with_instant else None,
            average=board.average(seen) if with_average else None,
            joules=board.joules(seen, reset_at) if with_counter and not uncounted[0] <= seen < uncounted[1] else None,
        )
    return meter


def error(energy: WindowEnergy, truth: Truth) -> float:
    """Relative error of the window's energy."""
    assert energy.energy_joules is not None
    true = truth(energy.end_ns / NS) - truth(energy.start_ns / NS)
    return abs(energy.energy_joules - true) / true


SIGNALS = {
    "constant": constant(400.0),
    "square 40 ms": square(0.04),
    "square 200 ms": square(0.2),
    "square 370 ms": square(0.37, duty=0.3),
    "square 1 s": square(1.0),
    "square 100 ms": square(0.1),
}


def true_joules(energy: WindowEnergy, truth: Truth) -> float:
    """What the device really used in the window that the figure is about."""
    return truth(energy.end_ns / NS) - truth(energy.start_ns / NS)
