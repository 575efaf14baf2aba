"""How regularly samples came: how many, how many a second, and how far their distances were from the plan. Pure."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from engine.clock import NS
from engine.documents import Cell

_FARTHEST_PLANNED = 1.7
"""In periods: deadlines are hardly more than one apart, walked phase or not; farther means that some were missed."""

_KEPT = 1_800_000
"""So many of the newest samples stay at least: half an hour at 1 kHz, of which a job of a day has many."""

_HEAD = 60_000
"""So many of the first stay for good: a window that begins among them is counted exactly."""


class Cadence:
    """The times of one stream's samples, and where it is known the deadlines that they were to meet."""

    def __init__(self) -> None:
        self._stamps: array[int] = array("q")
        self._due: array[int] = array("q")
        self._periods: list[tuple[int, int]] = []
        self._head: array[int] = array("q")
        self._gone = 0

    def stamp(self, t_ns: int) -> None:
        """A sample was taken."""
        self._stamps.append(t_ns)
        if len(self._stamps) >= 2 * _KEPT:
            self._forget()

    def late(self, t_ns: Sequence[int], lateness_microseconds: Sequence[Cell]) -> None:
        """Samples were begun, so much after their deadlines."""
        for begun_ns, late in zip(t_ns, lateness_microseconds, strict=False):
            if isinstance(late, int | float):
                self._stamps.append(begun_ns)
                self._due.append(begun_ns - round(late * 1000))
        if len(self._stamps) >= 2 * _KEPT:
            self._forget()

    def _forget(self) -> None:
        if not self._gone:
            self._head = self._stamps[:_HEAD]
        self._gone += _KEPT
        del self._stamps[:_KEPT], self._due[:_KEPT]

    def planned(self, t_ns: int, period_ns: int) -> None:
        """From `t_ns` on a sample is due every `period_ns` on average."""
        self._periods.append((t_ns, period_ns))

    def samples(self, start_ns: int, end_ns: int) -> int:
        """How many samples the window has."""
        first, last, _ = self._span(start_ns, end_ns)
        return last - first

    def hertz(self, start_ns: int, end_ns: int) -> float | None:
        """Samples a second, from the first to the last in the window."""
        first, last, begun_ns = self._span(start_ns, end_ns)
        over_ns = self._stamps[last - self._gone - 1] if last > self._gone else 0
        if last - first < 2 or over_ns <= begun_ns:
            return None
        return (last - first - 1) * NS / (over_ns - begun_ns)

    def _span(self, start_ns: int, end_ns: int) -> tuple[int, int, int]:
        """The window's first sample and the one after its last, counted from the beginning, and when the first was."""
        last = self._gone + bisect_right(self._stamps, end_ns)
        among = self._head if self._gone and start_ns < self._stamps[0] else self._stamps
        at = min(bisect_left(among, start_ns), len(among) - 1)
        first = self._gone + bisect_left(self._stamps, start_ns) if among is self._stamps else at
        return first, last, among[at] if among else 0

    def interval_errors_ms(self, start_ns: int, end_ns: int) -> list[float]:
        """How far each distance between two samples was from the planned one, of the window or, if it is long, its end.

        The plan is the distance of their deadlines: a sampler that walks its phase means every one of those. But a
        deadline that was passed over is no plan: there the period counts.
        """
        first, last = bisect_left(self._stamps, start_ns), bisect_right(self._stamps, end_ns)
        errors = []
        changes = [*self._periods, (end_ns + 1, 0)]
        at = bisect_right(changes, self._stamps[first] if first < last else 0, key=lambda change: change[0])
        period = changes[at - 1][1] if at else None
        for number in range(first + 1, last):
            while self._stamps[number] >= changes[at][0]:
                period, at = changes[at][1], at + 1
            planned = self._due[number] - self._due[number - 1]
            if period is not None and planned > _FARTHEST_PLANNED * period:
                planned = period
            errors.append(abs(self._stamps[number] - self._stamps[number - 1] - planned) / 1e6)
        return errors
