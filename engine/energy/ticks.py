"""The ticks of an energy counter: when it rose, as closely as readings can tell. Pure.

A counter that is polled tells of each tick only that it came after the last old reading and not after the first new
one. But drivers renew their counters on a timer, so the ticks lie on a grid (`grid.py`) that passes through every one
of those brackets, and is known far better than any of them.
"""

import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.clock import NS
from engine.energy.grid import FEWEST, Bracket, fit
from engine.energy.places import NEIGHBOURS, Places, Tick


@dataclass(frozen=True, slots=True)
class Bridge:
    """From the last tick before a reset to the first after it: how sure what went in between is; None: unknown."""

    begin_ns: int
    end_ns: int
    deviation: float | None


class CounterTrack:
    """What one energy counter said. A reset leaves `joules` going on, once the gap's energy is known from elsewhere."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.resets: list[int] = []
        self.bridges: list[Bridge] = []
        self.pending_reset = False
        self.silences: list[tuple[int, int]] = []
        """From the first of each row of readings that it did not give to the next that it gave."""
        self._answers = True
        self._offset = 0.0
        self._last: tuple[int, float] | None = None

    @property
    def read_ns(self) -> int | None:
        """When the counter was last read; None: never."""
        return self._last[0] if self._last else None

    def add(self, t_ns: int, joules: float | None) -> bool:
        """Take one reading; a missing one (None) only widens the next bracket. True when it was a tick."""
        if joules is None:
            self._silent(t_ns)
            return False
        self._answered(t_ns)
        last, self._last = self._last, (t_ns, joules)
        if last is None or joules == last[1]:
            return False
        if joules < last[1]:
            self.resets.append(t_ns)
            self.pending_reset = bool(self.ticks)
            return False
        self.ticks.append(Tick(last[0], t_ns, joules + self._offset))
        return True

    def _silent(self, t_ns: int) -> None:
        goes_on = bool(self.silences) and not self._answers
        begin = self.silences.pop()[0] if goes_on else t_ns
        self.silences.append((begin, t_ns))
        self._answers = False

    def _answered(self, t_ns: int) -> None:
        if not self._answers:
            self.silences.append((self.silences.pop()[0], t_ns))
            self._answers = True

    def goes_on(self, joules: Sequence[float | None]) -> bool:
        """Whether these readings fall nowhere, and no reset waits to be bridged."""
        if self._last is None or self.pending_reset or None in joules:
            return False
        return self._last[1] <= joules[0] and sorted(joules) == joules  # type: ignore[operator, type-var]  # no None

    def add_all(self, t_ns: Sequence[int], joules: Sequence[float]) -> None:
        """Take readings that go on."""
        assert self._last is not None, "there is something to go on from"
        before_ns, before = self._last
        if joules[-1] != before:
            for at_ns, now in zip(t_ns, joules, strict=True):
                if now != before:
                    self.ticks.append(Tick(before_ns, at_ns, now + self._offset))
                before_ns, before = at_ns, now
        self._last = (t_ns[-1], joules[-1])
        self._answered(t_ns[0])

    def bridge(self, first_after: int, joules: float, deviation: float | None) -> None:
        """Say what went between the last tick before a reset and the first after it, which is tick `first_after`.

        It may be said again, better. `deviation` None: nobody knows, and no window reaches across.
        """
        self.pending_reset = False
        before, after = self.ticks[first_after - 1], self.ticks[first_after]
        shift = before.joules + joules - after.joules
        self._offset += shift
        self.ticks[first_after:] = [Tick(t.after_ns, t.by_ns, t.joules + shift) for t in self.ticks[first_after:]]
        self.bridges = [bridge for bridge in self.bridges if bridge.end_ns != after.t_ns]
        self.bridges.append(Bridge(before.t_ns, after.t_ns, deviation))

    def bridged(self, start_ns: int, end_ns: int) -> list[Bridge]:
        """The bridges that any part of the window lies on."""
        return [bridge for bridge in self.bridges if bridge.begin_ns < end_ns and bridge.end_ns > start_ns]

    def forget_before(self, t_ns: int) -> None:
        """Drop the ticks before `t_ns`, but for those that help to place the next ones."""
        del self.ticks[: max(0, bisect_left(self.ticks, t_ns, key=_time) - NEIGHBOURS)]
        self.resets = [reset for reset in self.resets if reset >= t_ns]
        self.bridges = [bridge for bridge in self.bridges if bridge.end_ns >= t_ns]
        self.silences = [silence for silence in self.silences if silence[1] >= t_ns]

    def first_from(self, t_ns: int) -> int:
        """Index of the first tick at `t_ns` or later."""
        return bisect_left(self.ticks, t_ns, key=_time)

    def last_until(self, t_ns: int) -> int:
        """Index of the last tick at `t_ns` or earlier; -1: none."""
        return bisect_right(self.ticks, t_ns, key=_time) - 1

    def mean_watts(self, first: int, last: int) -> list[float]:
        """Mean power from each tick to the next, from tick `first` to tick `last`, ticks in the middle of brackets."""
        return [
            (later.joules - earlier.joules) * NS / max(later.t_ns - earlier.t_ns, 1)
            for earlier, later in pairwise(self.ticks[first : last + 1])
        ]

    def period_ns(self) -> int | None:
        """The counter's update period, from the newest ticks; None before there are enough."""
        newest = self.ticks[-2 * NEIGHBOURS :]
        if len(newest) < FEWEST:
            return None
        return round(statistics.median(b.t_ns - a.t_ns for a, b in pairwise(newest)))

    def bracket_ns(self, index: int) -> int:
        """How wide the brackets of the ticks around this one usually are."""
        around = self.ticks[max(index - NEIGHBOURS, 0) : index + NEIGHBOURS]
        return round(statistics.median(tick.by_ns - tick.after_ns for tick in around)) if around else 0

    def hides(self, index: int) -> bool:
        """Whether ticks before this one may not have been seen: the counter was not read as often as usual."""
        if index >= len(self.ticks):
            return False
        tick = self.ticks[index]
        width_ns = tick.by_ns - tick.after_ns
        if index > 0 and 4 * width_ns <= tick.t_ns - self.ticks[index - 1].t_ns:
            return False  # behind a hole it would be wider; asked so often that medians would cost
        return width_ns > (self.period_ns() or 0) // 4 and width_ns > 2 * self.bracket_ns(index)

    def unread_at(self, t_ns: int) -> bool:
        """Whether one of the ticks around may be another one than it seems."""
        at = self.last_until(t_ns)
        return self.hides(max(at, 0)) or self.hides(at + 1)

    def joules_at(self, t_ns: int) -> float | None:
        """The counter, evenly from tick to tick; None beyond them, and next to a hole in the readings."""
        at = self.last_until(t_ns)
        if at < 0 or at + 1 >= len(self.ticks) or self.unread_at(t_ns):
            return None
        before, after = self.ticks[at : at + 2]
        way = (t_ns - before.t_ns) / max(after.t_ns - before.t_ns, 1)
        return before.joules + way * (after.joules - before.joules)

    def renewal_ns(self) -> int | None:
        """The same as exactly as it can be known: that of the grid through the newest ticks, where there is one."""
        grid = fit([Bracket(tick.after_ns, tick.by_ns) for tick in self.ticks[-2 * NEIGHBOURS :]])
        return round(grid.period) if grid else self.period_ns()

    def places(self, first: int, last: int) -> Places:
        """When the ticks from `first` to `last` were: on the grid of all of them and their neighbours."""
        return Places(self.ticks, first, last)


def _time(tick: Tick) -> int:
    return tick.t_ns
