"""The energy counter between its ticks: what can be said of the inside of one, and how surely. Pure.

Between two ticks the counter's rise is known and its course is not: `course` takes the likeliest. The doubt is that of
a bridge pinned at both ticks: zero there, largest in the middle, and as large as the power is unsteady.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.clock import NS
from engine.energy.course import Course, Piece, course, even_course
from engine.energy.power import PowerTrack
from engine.energy.ticks import CounterTrack

_AROUND_NS = NS
"""The unsteadiness that matters is that of the second before and the second after."""

_SIGMAS = 3.2
"""Doubt over standard deviation, set on simulated loads so that 95 % of windows are covered (docs/measurement.md)."""


_APART = 0.12
"""How much of their placing two ticks of one grid do not share."""

_QUANTUM_JOULES = 0.001
"""NVML counts millijoules."""

_REACH_TICKS = 5
"""How far around a tick the instant field's windows are looked at."""


@dataclass(frozen=True)
class Reading:
    """The counter's value at a time between ticks, its doubt, and what misplacing those ticks would do to it."""

    joules: float
    doubt_joules: float
    watts: float
    placing_ns: int
    """How far the ticks around may be off."""


def between(begin: Reading, end: Reading) -> tuple[float, float]:
    """Energy between two readings and its uncertainty, in joules.

    If the grid of the ticks is misplaced it is so at both edges alike: only their difference in power counts, and
    little remains of the rest.
    """
    placing = max(begin.placing_ns, end.placing_ns) / NS
    shifted = abs(begin.watts - end.watts) * placing + _APART * (begin.watts + end.watts) * placing
    doubt = math.hypot(begin.doubt_joules, end.doubt_joules, shifted) + _QUANTUM_JOULES
    return end.joules - begin.joules, doubt


class Interpolation:
    """Reads `counter` at any time between its first and last tick.

    `window_ns` is how long the instant field looks before each update, None if unknown; `unseen_watts` is a swing of
    the load that the instant field is known not to show.
    """

    def __init__(
        self, counter: CounterTrack, instant: PowerTrack, window_ns: int | None, *, unseen_watts: float = 0.0
    ) -> None:
        self._counter, self._instant, self._window_ns = counter, instant, window_ns
        self._unseen_watts = unseen_watts

    def at(self, t_ns: int) -> Reading | None:
        """The counter at `t_ns`; None before the first tick and after the last."""
        index = self._counter.last_until(t_ns)
        if index < 0 or index + 1 >= len(self._counter.ticks):
            return self._on_the_edge(t_ns, index)
        begin, end = self._counter.place(index), self._counter.place(index + 1)
        t_ns = min(max(t_ns, begin.t_ns), end.t_ns)
        rise = self._counter.ticks[index + 1].joules - self._counter.ticks[index].joules
        way = self._course(begin.t_ns, end.t_ns, rise)
        joules = self._counter.ticks[index].joules + rise * way.share(t_ns)
        placing = max(begin.half_width_ns, end.half_width_ns)
        return Reading(joules, self._doubt(begin.t_ns, end.t_ns, t_ns, way), way.watts(t_ns), placing)

    def _course(self, begin_ns: int, end_ns: int, rise: float) -> Course:
        seen = self._seen(begin_ns, end_ns)
        if not seen or self._unseen_watts or _aliased(seen):
            return even_course(begin_ns, end_ns, rise)
        return course(begin_ns, end_ns, rise, seen)

    def _on_the_edge(self, t_ns: int, index: int) -> Reading | None:
        """Beyond the ticks by less than a period, go on with the instant power, and double the doubt."""
        period = self._counter.period_ns()
        ticks = self._counter.ticks
        if period is None or not ticks:
            return None
        near = ticks[0] if index < 0 else ticks[index]
        if abs(t_ns - near.t_ns) > 2 * period:
            return None
        watts = self._instant.at(t_ns)
        if watts is None:
            watts = (ticks[-1].joules - ticks[0].joules) * NS / (ticks[-1].t_ns - ticks[0].t_ns)
        seconds = (t_ns - near.t_ns) / NS
        spread = self._spread(t_ns)
        return Reading(near.joules + watts * seconds, abs(seconds) * (2 * spread + 0.02 * watts), watts, 0)

    def _seen(self, begin_ns: int, end_ns: int) -> list[Piece]:
        """When the instant field looked around the time between two ticks, and what it saw."""
        if not self._window_ns:
            return []
        found: list[Piece] = []
        reach_ns = _REACH_TICKS * (end_ns - begin_ns)
        for update_ns, watts in self._instant.updates(begin_ns - reach_ns, end_ns + reach_ns):
            begin = max(update_ns - self._window_ns, found[-1][1] if found else 0)
            if update_ns > begin:
                found.append((begin, update_ns, watts))
        return found

    def _doubt(self, begin_ns: int, end_ns: int, t_ns: int, way: Course) -> float:
        """What is left open at `t_ns`: nothing at the ticks, most in the middle."""
        seconds = max(end_ns - begin_ns, 1) / NS
        along = (t_ns - begin_ns) / NS / seconds
        # Between the triangle that a slow load leaves and the bridge of a fast one.
        bridge: float = max(4 * along * (1 - along), 0.0) ** 0.75
        if len(way.pieces) == 1:  # nothing is known of the inside: the load's unsteadiness around has to tell
            return _SIGMAS * self._spread(t_ns) * seconds * bridge / 2
        return way.guessed_joules * bridge

    def _spread(self, t_ns: int) -> float:
        """How unsteady the power is between ticks around `t_ns`, in watts.

        The instant field shows the whole unsteadiness; what the ticks themselves show of it is not inside them.
        """
        begin, end = t_ns - _AROUND_NS, t_ns + _AROUND_NS
        ticks = self._counter.ticks[max(self._counter.last_until(begin), 0) : self._counter.last_until(end) + 1]
        means = [(b.joules - a.joules) * NS / (b.t_ns - a.t_ns) for a, b in pairwise(ticks)]
        counted = statistics.pstdev(means) if len(means) > 1 else 0.0
        whole = self._instant.spread(begin, end)
        return max(math.sqrt(max(whole**2 - counted**2, 0.0)), 0.5 * counted, self._unseen_watts)


def _aliased(seen: Sequence[Piece]) -> bool:
    """Whether the power steps in nearly every gap between the sensor's windows.

    Then it may as well step more than once in each, and the windows say nothing of what lies between them.
    """
    watts = [piece[2] for piece in seen]
    if len(watts) < 4:
        return False
    swing = max(watts) - min(watts)
    stepped = sum(abs(later - earlier) > 0.3 * swing for earlier, later in pairwise(watts))
    return stepped >= 0.75 * (len(watts) - 1)
