"""Energy of a window, from what one device's sensors said. Pure: readings in, joules out.

The counter decides. It ticks (every 20 to 100 ms on real GPUs), and says exactly how much energy went between two
ticks but nothing certain about the inside of one. So a window that wattrace may choose is snapped to ticks. Where
there is no counter, the instant field is integrated as the staircase it is, and where there is none, the average.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import Literal

from engine.clock import NS

Method = Literal["counter", "integral_instant", "integral_average"]


@dataclass(frozen=True)
class Tick:
    """The counter rose to `joules` somewhere after `after_ns` and not after `by_ns`."""

    after_ns: int
    by_ns: int
    joules: float

    @property
    def t_ns(self) -> int:
        """The middle of the bracket: the best single guess."""
        return (self.after_ns + self.by_ns) // 2


@dataclass(frozen=True)
class WindowEnergy:
    """Energy of the window from `start_ns` to `end_ns`; what the other sensors say is in `cross_checks`."""

    start_ns: int
    end_ns: int
    energy_joules: float
    uncertainty_joules: float
    method: Method
    cross_checks: dict[str, float | None]

    @property
    def seconds(self) -> float:
        """The window's length."""
        return (self.end_ns - self.start_ns) / NS


class CounterTrack:
    """The ticks of one energy counter, in joules; a reset begins a new generation of ticks."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.resets = 0
        self._last: tuple[int, float] | None = None

    def add(self, t_ns: int, joules: float | None) -> None:
        """Take one reading; a missing one (None) only widens the next bracket."""
        if joules is None:
            return
        if self._last is not None:
            last_ns, last_joules = self._last
            if joules < last_joules:
                self.resets += 1
                self.ticks.clear()
            elif joules > last_joules:
                self.ticks.append(Tick(last_ns, t_ns, joules))
        self._last = (t_ns, joules)

    def forget_before(self, t_ns: int) -> None:
        """Drop the ticks before `t_ns`."""
        del self.ticks[: bisect_left(self.ticks, t_ns, key=_tick_time)]

    def snapped(self, start_ns: int, end_ns: int) -> tuple[Tick, Tick] | None:
        """The first and the last tick inside the window, if there are two."""
        first = bisect_left(self.ticks, start_ns, key=_tick_time)
        last = bisect_right(self.ticks, end_ns, key=_tick_time) - 1
        return (self.ticks[first], self.ticks[last]) if last > first else None


def _tick_time(tick: Tick) -> int:
    return tick.t_ns


@dataclass
class PowerTrack:
    """Readings of one power field in watts, None where the device gave none; a reading holds until the next."""

    t_ns: list[int] = field(default_factory=list)
    watts: list[float | None] = field(default_factory=list)

    def add(self, t_ns: int, watts: float | None) -> None:
        """Take one reading."""
        self.t_ns.append(t_ns)
        self.watts.append(watts)

    def forget_before(self, t_ns: int) -> None:
        """Drop readings before `t_ns`."""
        cut = bisect_left(self.t_ns, t_ns)
        del self.t_ns[:cut], self.watts[:cut]

    def between(self, start_ns: int, end_ns: int) -> list[float]:
        """The known readings from `start_ns` to `end_ns`."""
        first, last = bisect_left(self.t_ns, start_ns), bisect_right(self.t_ns, end_ns)
        return [watts for watts in self.watts[first:last] if watts is not None]

    def integral(self, start_ns: int, end_ns: int) -> float | None:
        """Joules from `start_ns` to `end_ns`, None unless known readings cover nine tenths of it."""
        at = max(bisect_right(self.t_ns, start_ns) - 1, 0)
        joules, known_ns = 0.0, 0
        while at < len(self.t_ns) and self.t_ns[at] < end_ns:
            begin = max(self.t_ns[at], start_ns)
            end = min(self.t_ns[at + 1], end_ns) if at + 1 < len(self.t_ns) else begin
            watts = self.watts[at]
            if watts is not None and end > begin:
                joules += watts * (end - begin) / NS
                known_ns += end - begin
            at += 1
        if known_ns <= 0 or known_ns < 0.9 * (end_ns - start_ns):
            return None
        # Holes and the unfinished last step carry the mean of what is known.
        return joules * (end_ns - start_ns) / known_ns


class EnergyMeter:
    """One device's readings, kept as long as somebody may still ask for a window of them."""

    def __init__(self) -> None:
        self.counter = CounterTrack()
        self.instant = PowerTrack()
        self.average = PowerTrack()
        self.newest_t_ns: int | None = None

    def add(self, t_ns: int, *, instant: float | None, average: float | None, joules: float | None) -> None:
        """Take one sample of all three sensors; None for what the device did not give."""
        self.counter.add(t_ns, joules)
        self.instant.add(t_ns, instant)
        self.average.add(t_ns, average)
        self.newest_t_ns = t_ns

    def forget_before(self, t_ns: int) -> None:
        """Drop what is older than `t_ns`."""
        for track in (self.counter, self.instant, self.average):
            track.forget_before(t_ns)

    def window(self, start_ns: int, end_ns: int, *, checked: bool = False) -> WindowEnergy | None:
        """Energy of the window, its edges snapped to counter ticks; None where no sensor covers it.

        `checked` adds what the other sensors say, which costs a walk over every sample.
        """
        edges = self.counter.snapped(start_ns, end_ns)
        if edges is not None:
            return self._counted(*edges, checked=checked)
        for method, track in (("integral_instant", self.instant), ("integral_average", self.average)):
            joules = track.integral(start_ns, end_ns)
            if joules is not None:
                checks = self._checks(start_ns, end_ns, None) if checked else {}
                # +-5 % is the gain error of the boards' sensors (arXiv 2312.02741); nothing here bounds it better.
                kind: Method = "integral_instant" if method == "integral_instant" else "integral_average"
                return WindowEnergy(start_ns, end_ns, joules, 0.05 * joules, kind, checks)
        return None

    def _counted(self, first: Tick, last: Tick, *, checked: bool) -> WindowEnergy:
        joules = last.joules - first.joules
        start_ns, end_ns = first.t_ns, last.t_ns
        mean_watts = joules * NS / max(end_ns - start_ns, 1)
        slack_ns = (first.by_ns - first.after_ns + last.by_ns - last.after_ns) / 2
        uncertainty = mean_watts * slack_ns / NS
        checks = self._checks(start_ns, end_ns, joules) if checked else {}
        return WindowEnergy(start_ns, end_ns, joules, uncertainty, "counter", checks)

    def _checks(self, start_ns: int, end_ns: int, counter: float | None) -> dict[str, float | None]:
        return {
            "counter_joules": counter,
            "instant_joules": self.instant.integral(start_ns, end_ns),
            "average_joules": self.average.integral(start_ns, end_ns),
        }

    def power(self, start_ns: int, end_ns: int) -> tuple[float | None, float | None]:
        """Mean and peak watts from `start_ns` to `end_ns`: mean from the energy, peak from the best power field."""
        energy = self.window(start_ns, end_ns)
        mean = energy.energy_joules / energy.seconds if energy and energy.seconds > 0 else None
        readings = self.instant.between(start_ns, end_ns) or self.average.between(start_ns, end_ns)
        return mean, max(readings, default=None)

    def recent_watts(self, start_ns: int, end_ns: int) -> float | None:
        """Mean watts of a short recent span for the live display: the instant field's, else the energy's."""
        readings = self.instant.between(start_ns, end_ns) or self.average.between(start_ns, end_ns)
        if readings:
            return sum(readings) / len(readings)
        edges = self.counter.snapped(start_ns, end_ns)
        if edges is None:
            return None
        first, last = edges
        return (last.joules - first.joules) * NS / max(last.t_ns - first.t_ns, 1)
