"""The ticks of an energy counter: when it rose, as closely as readings can tell. Pure.

A counter that is polled tells of each tick only that it came after the last old reading and not after the first new
one. But drivers renew their counters on a timer, so the ticks lie on a grid, and the grid must pass through every one
of those brackets: their intersection is far narrower than any of them.
"""

import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

NEIGHBOURS = 24
"""Ticks on either side that help to place one: 2.4 s of a counter that ticks every 100 ms."""

_FEWEST = 4


@dataclass(frozen=True, slots=True)
class Tick:
    """The counter rose to `joules` somewhere after `after_ns` and not after `by_ns`."""

    after_ns: int
    by_ns: int
    joules: float

    @property
    def t_ns(self) -> int:
        """The middle of the bracket: the best guess from this tick alone."""
        return (self.after_ns + self.by_ns) // 2


@dataclass(frozen=True, slots=True)
class Instant:
    """A time that is known to lie within `half_width_ns` of `t_ns`."""

    t_ns: int
    half_width_ns: int


class CounterTrack:
    """What one energy counter said. A reset leaves `joules` going on, once the gap's energy is known from elsewhere."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.resets: list[int] = []
        self.pending_reset = False
        self._offset = 0.0
        self._last: tuple[int, float] | None = None

    @property
    def read_ns(self) -> int | None:
        """When the counter was last read; None: never."""
        return self._last[0] if self._last else None

    def add(self, t_ns: int, joules: float | None) -> bool:
        """Take one reading; a missing one (None) only widens the next bracket. True when it was a tick."""
        if joules is None:
            return False
        last, self._last = self._last, (t_ns, joules)
        if last is None or joules == last[1]:
            return False
        if joules < last[1]:
            self.resets.append(t_ns)
            self.pending_reset = bool(self.ticks)
            return False
        self.ticks.append(Tick(last[0], t_ns, joules + self._offset))
        return True

    def bridge(self, joules: float | None) -> None:
        """Say what went between the last tick before a reset and the first after it; None: nobody knows.

        Without it, what was before the reset is forgotten: its difference to what comes after means nothing.
        """
        self.pending_reset = False
        newest = self.ticks[-1]
        if joules is None:
            del self.ticks[:-1]
            return
        shift = self.ticks[-2].joules + joules - newest.joules
        self._offset += shift
        self.ticks[-1] = Tick(newest.after_ns, newest.by_ns, newest.joules + shift)

    def forget_before(self, t_ns: int) -> None:
        """Drop the ticks before `t_ns`, but for those that help to place the next ones."""
        del self.ticks[: max(0, bisect_left(self.ticks, t_ns, key=_time) - NEIGHBOURS)]
        self.resets = [reset for reset in self.resets if reset >= t_ns]

    def first_from(self, t_ns: int) -> int:
        """Index of the first tick at `t_ns` or later."""
        return bisect_left(self.ticks, t_ns, key=_time)

    def last_until(self, t_ns: int) -> int:
        """Index of the last tick at `t_ns` or earlier; -1: none."""
        return bisect_right(self.ticks, t_ns, key=_time) - 1

    def period_ns(self) -> int | None:
        """The counter's update period, from the newest ticks; None before there are enough."""
        newest = self.ticks[-2 * NEIGHBOURS :]
        if len(newest) < _FEWEST:
            return None
        return round(statistics.median(b.t_ns - a.t_ns for a, b in pairwise(newest)))

    def place(self, index: int) -> Instant:
        """When tick `index` was: on the grid of its neighbours, or as its own bracket says where they have none."""
        first = max(0, index - NEIGHBOURS)
        around = self.ticks[first : index + NEIGHBOURS + 1]
        found = _on_grid(around, index - first) if len(around) >= _FEWEST else None
        own = self.ticks[index]
        return found or Instant(own.t_ns, (own.by_ns - own.after_ns) // 2)


def _time(tick: Tick) -> int:
    return tick.t_ns


def _on_grid(ticks: Sequence[Tick], index: int) -> Instant | None:
    """Tick `index` on the grid t0 + n * period that passes through every bracket; None when there is no such grid."""
    origin = ticks[index].t_ns
    guess = statistics.median(b.t_ns - a.t_ns for a, b in pairwise(ticks))
    numbered = [(round((tick.t_ns - origin) / guess), tick.after_ns - origin, tick.by_ns - origin) for tick in ticks]
    span = numbered[-1][0] - numbered[0][0]
    if span < _FEWEST - 1:
        return None
    doubt = 2 * max(high - low for _, low, high in numbered) / span
    period = _widest(numbered, guess - doubt, guess + doubt)
    low, high = _corridor(numbered, period)
    if high < low:
        return None
    return Instant(origin + round((low + high) / 2), round((high - low) / 2))


def _corridor(numbered: Sequence[tuple[int, int, int]], period: float) -> tuple[float, float]:
    """Where tick 0 may be if the ticks are `period` apart: empty when the second is below the first."""
    low = max(low - n * period for n, low, _ in numbered)
    high = min(high - n * period for n, _, high in numbered)
    return low, high


def _widest(numbered: Sequence[tuple[int, int, int]], low: float, high: float) -> float:
    """The period that leaves tick 0 the widest corridor: the corridor's width is concave in the period."""

    def width(period: float) -> float:
        first, last = _corridor(numbered, period)
        return last - first

    for _ in range(24):
        third = (high - low) / 3
        if width(low + third) < width(high - third):
            low += third
        else:
            high -= third
    return (low + high) / 2
