"""How regularly samples came: how many, how many a second, and how far their distances were from the plan. Pure."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from engine.clock import NS
from engine.documents import Cell

_FARTHEST_PLANNED = 1.7
"""In periods: deadlines are hardly more than one apart, walked phase or not; farther means that some were missed."""


class Cadence:
    """The times of one stream's samples, and where it is known the deadlines that they were to meet."""

    def __init__(self) -> None:
        self._stamps: array[int] = array("q")
        self._due: array[int] = array("q")
        self._periods: list[tuple[int, int]] = []

    def stamp(self, t_ns: int) -> None:
        """A sample was taken."""
        self._stamps.append(t_ns)

    def late(self, t_ns: Sequence[int], lateness_microseconds: Sequence[Cell]) -> None:
        """Samples were begun, so much after their deadlines."""
        for begun_ns, late in zip(t_ns, lateness_microseconds, strict=False):
            if isinstance(late, int | float):
                self._stamps.append(begun_ns)
                self._due.append(begun_ns - round(late * 1000))

    def planned(self, t_ns: int, period_ns: int) -> None:
        """From `t_ns` on a sample is due every `period_ns` on average."""
        self._periods.append((t_ns, period_ns))

    def samples(self, start_ns: int, end_ns: int) -> int:
        """How many samples the window has."""
        first, last = self._slice(start_ns, end_ns)
        return last - first

    def hertz(self, start_ns: int, end_ns: int) -> float | None:
        """Samples a second, from the first to the last in the window."""
        first, last = self._slice(start_ns, end_ns)
        if last - first < 2 or self._stamps[last - 1] <= self._stamps[first]:
            return None
        return (last - first - 1) * NS / (self._stamps[last - 1] - self._stamps[first])

    def interval_errors_ms(self, start_ns: int, end_ns: int) -> list[float]:
        """How far each distance between two samples of the window was from the planned one.

        The plan is the distance of their deadlines: a sampler that walks its phase means every one of those. But a
        deadline that was passed over is no plan: there the period counts.
        """
        first, last = self._slice(start_ns, end_ns)
        errors = []
        for at in range(first + 1, last):
            planned, period = self._due[at] - self._due[at - 1], self._period(self._stamps[at])
            if period is not None and planned > _FARTHEST_PLANNED * period:
                planned = period
            errors.append(abs(self._stamps[at] - self._stamps[at - 1] - planned) / 1e6)
        return errors

    def _period(self, t_ns: int) -> int | None:
        at = bisect_right(self._periods, t_ns, key=lambda change: change[0])
        return self._periods[at - 1][1] if at else None

    def _slice(self, start_ns: int, end_ns: int) -> tuple[int, int]:
        return bisect_left(self._stamps, start_ns), bisect_right(self._stamps, end_ns)
