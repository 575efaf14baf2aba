"""One power field of a sensor as the staircase it is: a value holds until the sensor renews it. Pure."""

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from engine.clock import NS
from engine.energy.grid import Bracket, Grid, fit

_NEIGHBOURS = 24
"""Updates on either side that help to place one."""

_FEWEST = 5
_NO_RENEWAL = -1

_BRIEF_NS = 20_000_000
"""So long a single call may be slow: no sensor's value is renewed twice in that time."""

_RECENT = 60
"""Steps that a period is judged from."""


class PowerTrack:
    """Readings of one field in watts, None where the device gave none. Only changes are kept, so polling is cheap."""

    def __init__(self) -> None:
        self.t_ns: list[int] = []
        """When each value began to be read: the middle between the last old reading and the first new one."""
        self.half_ns: list[int] = []
        """How far those readings are from that middle; _NO_RENEWAL where a hole begins or ends."""
        self.watts: list[float | None] = []
        self.read_ns: int | None = None

    def add(self, t_ns: int, watts: float | None) -> None:
        """Take one reading."""
        known_ns = self.read_ns
        if watts is not None and self.half_ns and self._is_brief(t_ns):
            known_ns = self.t_ns[-1]
            del self.t_ns[-1], self.half_ns[-1], self.watts[-1]
        if not self.t_ns:
            self._step(t_ns, t_ns, watts)
        elif watts is None:
            self.unheard()
        elif self.watts[-1] is None:
            self._boundary(t_ns, watts)
        elif watts != self.watts[-1]:
            self._step(known_ns or t_ns, t_ns, watts)
        self.read_ns = t_ns

    def _is_brief(self, t_ns: int) -> bool:
        """Whether there is a hole that is so short until now that it only makes the next renewal's bracket wider."""
        open_hole = self.watts[-1] is None and self.half_ns[-1] == _NO_RENEWAL
        return open_hole and t_ns - self.t_ns[-1] <= _BRIEF_NS

    def unheard(self) -> None:
        """From the last reading on nobody knows the value, until another one is added."""
        if self.read_ns is not None and self.watts[-1] is not None:
            self._boundary(self.read_ns, None)

    def add_all(self, t_ns: Sequence[int], watts: Sequence[float | None]) -> None:
        """Take several readings, as `add` would one by one."""
        if self.watts and watts.count(self.watts[-1]) == len(watts):
            self.read_ns = t_ns[-1]
            return
        for at_ns, value in zip(t_ns, watts, strict=True):
            self.add(at_ns, value)

    def _step(self, after_ns: int, by_ns: int, watts: float | None) -> None:
        self.t_ns.append((after_ns + by_ns) // 2)
        self.half_ns.append((by_ns - after_ns + 1) // 2)
        self.watts.append(watts)

    def _boundary(self, t_ns: int, watts: float | None) -> None:
        """A hole begins or ends, which is no renewal: that came at another time."""
        self.t_ns.append(t_ns)
        self.half_ns.append(_NO_RENEWAL)
        self.watts.append(watts)

    def _renewals(self, first: int, last: int) -> list[Bracket]:
        """When the value was seen to be renewed, of the steps from `first` to before `last`."""
        steps = zip(self.t_ns[first:last], self.half_ns[first:last], strict=True)
        return [Bracket(t_ns - half_ns, t_ns + half_ns) for t_ns, half_ns in steps if half_ns != _NO_RENEWAL]

    def forget_before(self, t_ns: int) -> None:
        """Drop what was over before `t_ns`."""
        cut = max(0, bisect_right(self.t_ns, t_ns) - 1)
        del self.t_ns[:cut], self.half_ns[:cut], self.watts[:cut]

    def at(self, t_ns: int) -> float | None:
        """The value that was there to be read at `t_ns`."""
        at = bisect_right(self.t_ns, t_ns) - 1
        return self.watts[at] if at >= 0 else None

    def steps(self, start_ns: int, end_ns: int) -> Iterator[tuple[int, int, float | None]]:
        """The steps within the window, each from, to and its value; the last one holds as long as it was read."""
        at = max(bisect_right(self.t_ns, start_ns) - 1, 0)
        while at < len(self.t_ns) and self.t_ns[at] < end_ns:
            begin = max(self.t_ns[at], start_ns)
            end = self.t_ns[at + 1] if at + 1 < len(self.t_ns) else (self.read_ns or begin)
            if min(end, end_ns) > begin:
                yield begin, min(end, end_ns), self.watts[at]
            at += 1

    def updates(self, start_ns: int, end_ns: int) -> list[tuple[int, float]]:
        """When around the window the sensor renewed its value, and to what: on the timer's grid where there is one.

        A renewal to the same value cannot be seen; the grid knows of it.
        """
        first = max(bisect_left(self.t_ns, start_ns), 1)
        last = bisect_right(self.t_ns, end_ns)
        grid = fit(self._renewals(max(first - _NEIGHBOURS, 1), min(last + _NEIGHBOURS, len(self.t_ns))))
        found: list[tuple[int, float]] = []
        for at in range(first, last):
            watts = self.watts[at]
            if watts is None:
                continue
            if grid is None:
                found += [(self.t_ns[at], watts)] if self.half_ns[at] != _NO_RENEWAL else []
                continue
            found += [(grid.t_ns(each), watts) for each in range(*self._numbers(at, grid))]
        return found

    def _numbers(self, at: int, grid: Grid) -> tuple[int, int]:
        """The renewals that step `at` stood for: from this one to before that one."""
        half_period = round(grid.period / 2)  # at a hole's ends a reading tells of the last renewal before it
        number = grid.number(self.t_ns[at] - (half_period if self.half_ns[at] == _NO_RENEWAL else 0))
        if at + 1 >= len(self.t_ns):
            return number, number + 1
        ends = self.watts[at + 1] is None
        after = grid.number(self.t_ns[at + 1] - half_period) + 1 if ends else grid.number(self.t_ns[at + 1])
        return number, max(after, number + 1)

    def holes(self, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
        """What of the window nothing is known of, where a renewal or more may have gone unseen."""
        period_ns = self.period_ns() or 0
        steps = self.steps(start_ns - period_ns, end_ns + period_ns)
        return [(begin, end) for begin, end, watts in steps if watts is None and end - begin > period_ns]

    def renewed(self, t_ns: int) -> int | None:
        """When the sensor last renewed the value, until `t_ns`: as far as the last change that was seen tells it."""
        period_ns, at = self.period_ns(), bisect_right(self.t_ns, t_ns) - 1
        while at > 0 and self.half_ns[at] == _NO_RENEWAL:
            at -= 1
        if not period_ns or at < 1:
            return None
        return self.t_ns[at] + (t_ns - self.t_ns[at]) // period_ns * period_ns

    def values(self, start_ns: int, end_ns: int) -> list[float]:
        """The known values of the window."""
        return [watts for _, _, watts in self.steps(start_ns, end_ns) if watts is not None]

    def integral(self, start_ns: int, end_ns: int) -> float | None:
        """Joules of the window, None unless known values cover nine tenths of it; holes carry the mean."""
        joules, known_ns = 0.0, 0
        for begin, end, watts in self.steps(start_ns, end_ns):
            if watts is not None:
                joules += watts * (end - begin) / NS
                known_ns += end - begin
        if known_ns <= 0 or known_ns < 0.9 * (end_ns - start_ns):
            return None
        return joules * (end_ns - start_ns) / known_ns

    def holes_seconds(self, start_ns: int, end_ns: int) -> float:
        """How much of the window nothing is known of."""
        known_ns = sum(end - begin for begin, end, watts in self.steps(start_ns, end_ns) if watts is not None)
        return max(end_ns - start_ns - known_ns, 0) / NS

    def mean(self, start_ns: int, end_ns: int) -> float | None:
        """Mean watts of what is known of the window."""
        known = [(end - begin, watts) for begin, end, watts in self.steps(start_ns, end_ns) if watts is not None]
        total_ns = sum(span for span, _ in known)
        return sum(span * watts for span, watts in known) / total_ns if total_ns else None

    def spread(self, start_ns: int, end_ns: int) -> float:
        """Standard deviation of the power over the window, in watts; 0 where nothing is known."""
        middle = self.mean(start_ns, end_ns)
        if middle is None:
            return 0.0
        known = [(end - begin, watts) for begin, end, watts in self.steps(start_ns, end_ns) if watts is not None]
        total_ns = sum(span for span, _ in known)
        return math.sqrt(sum(span * (watts - middle) ** 2 for span, watts in known) / total_ns)

    def travel(self, start_ns: int, end_ns: int) -> float:
        """How far the value went up and down over the window, in watts in all."""
        values = self.values(start_ns, end_ns)
        return sum(abs(later - earlier) for earlier, later in pairwise(values))

    def renewal_ns(self) -> int | None:
        """How often the sensor renews its value, by the grid through the newest changes, else as `period_ns` has it."""
        grid = fit(self._renewals(max(len(self.t_ns) - _RECENT, 1), len(self.t_ns)))
        return round(grid.period) if grid else self.period_ns()

    def period_ns(self) -> int | None:
        """How often the sensor renews its value, from the newest changes; None before there are enough.

        An update to the same value cannot be seen, so a gap may hold several periods; and what was seen is when a
        change was read, so only the mean of many is exact.
        """
        steps = zip(self.t_ns[-_RECENT:], self.half_ns[-_RECENT:], strict=True)
        newest = [t_ns for t_ns, half_ns in steps if half_ns != _NO_RENEWAL]
        if len(newest) < _FEWEST + 1:
            return None
        gaps = sorted(later - earlier for earlier, later in pairwise(newest))
        usual = statistics.median(gaps[: max(_FEWEST, len(gaps) * 3 // 4)])
        periods = sum(max(1, round(gap / usual)) for gap in gaps)
        return round((newest[-1] - newest[0]) / periods)
