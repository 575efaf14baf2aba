"""The energy counter between its ticks: what can be said of the inside of one, and how surely. Pure.

Every doubt is a standard deviation: that of when the ticks were (`grid.py`), at each edge that of the course inside
its tick (`course.py`), and that of what went at a reset (`bridge.py`). They are summed in quadrature, only those of two
edges at which the load beats with the instant field as they are, and the uncertainty is 1.7 times the sum.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.clock import NS
from engine.energy.course import Course, Span
from engine.energy.gaps import Piece, Unseen
from engine.energy.places import Places
from engine.energy.power import PowerTrack
from engine.energy.ticks import CounterTrack

COVERAGE = 1.7
"""Uncertainty over standard deviation: 95 % of an evenly spread doubt are within 1.65, of a normal one within 1.96."""

_AROUND = 8
"""Ticks on either side that help to tell the inside of one."""

_QUANTUM_JOULES = 0.001 / math.sqrt(6)
"""NVML counts whole millijoules: standard deviation of the difference between two of them."""

_OPEN, _ALIASED = 0.69, 0.55
"""Standard deviation over the furthest that the course may be from the even one: one step is there all the time."""

_RIPPLE = 0.046
"""Share of a tick's energy that a load may shift inside of it which switches between half and half as much again
several times a tick: the windows do not show its swing."""

_MEMORY_NS = 10 * NS
"""What the power may have been while nobody looked: anything from the lowest to the highest of so long around."""

_UNLOOKED = 0.5
"""Spread of the power inside a tick that no other sensor has seen, over its mean: half of it on, half of it off."""

_UNSEEN = 2.2
"""Standard deviation of a course that nobody has seen, over what one step by the spread of the power makes of it."""

_SLOPE = 0.25
"""Share of a slope's change that its end, at a step, may be off by."""


@dataclass(frozen=True)
class Reading:
    """The counter's value at a time between ticks, its standard deviation, and the power there."""

    joules: float
    deviation: float
    watts: float
    tick: int
    """The tick that it was read from."""
    aliased: bool = False
    """Whether the load beats with the instant field there."""


class Interpolation:
    """Reads `counter` over any window between its first and last tick.

    `window_ns` is how long the instant field looks before each update, None if unknown; `unseen_watts` is a swing of
    the load that the instant field is known not to show.
    """

    def __init__(
        self, counter: CounterTrack, instant: PowerTrack, window_ns: int | None, *, unseen_watts: float = 0.0
    ) -> None:
        self._counter, self._instant, self._window_ns = counter, instant, window_ns
        self._unseen_watts = unseen_watts

    def between(self, start_ns: int, end_ns: int) -> tuple[float, float] | None:
        """Energy of the window and its uncertainty in joules; None where the counter does not reach."""
        newest = len(self._counter.ticks) - 1
        if newest < 1:
            return None
        first, last = self._counter.last_until(start_ns), self._counter.last_until(end_ns)
        places = self._counter.places(max(first, 0), min(max(last + 1, 1), newest))
        begin, end = self._at(start_ns, first, places), self._at(end_ns, last, places)
        if begin is None or end is None:
            return None
        # A tick that was earlier than thought leaves that much more of the power before the moment.
        placing = places.deviation([(begin.tick, begin.watts), (end.tick, -end.watts)])
        resets = [bridge.deviation or 0.0 for bridge in self._counter.bridged(start_ns, end_ns)]
        edges = math.hypot(begin.deviation, end.deviation, _QUANTUM_JOULES)
        if begin.aliased and end.aliased:
            # It is the same load that beats at both, and what is amiss at the one is likely amiss at the other.
            edges = begin.deviation + end.deviation
        return end.joules - begin.joules, COVERAGE * math.hypot(edges, placing, *resets)

    def _at(self, t_ns: int, index: int, places: Places) -> Reading | None:
        """The counter at `t_ns`, where `index` is the tick before it by its own bracket."""
        ticks = self._counter.ticks
        if index >= 0 and t_ns < places.t_ns(index):
            index -= 1
        elif index + 1 < len(ticks) and t_ns >= places.t_ns(index + 1):
            index += 1
        if index < 0 or index + 1 >= len(ticks):
            return self._beyond(t_ns, max(index, 0), places)
        spans, number = self._spans(index, places)
        windows = self._windows(spans[0].begin_ns, spans[-1].end_ns)
        holes = self._instant.holes(spans[0].begin_ns, spans[-1].end_ns)
        seen = self._instant.values(t_ns - _MEMORY_NS, t_ns + _MEMORY_NS) if holes else []
        unseen = Unseen(self._unseen_watts, holes, seen)
        course = Course(spans, windows, unseen) if len(windows) > 2 else None
        if course is None or not course.reaches(number):
            return self._evenly(t_ns, index, spans[number], seen)
        t_ns = min(max(t_ns, spans[number].begin_ns), spans[number].end_ns)
        bounds = course.at(number, t_ns)
        deviation = _deviation(course, number, spans[number], t_ns)
        aliased = course.kind(number) == "aliased"
        return Reading(ticks[index].joules + bounds.guess, deviation, bounds.watts, index, aliased)

    def _spans(self, index: int, places: Places) -> tuple[list[Span], int]:
        """The ticks around, and which of them begins with tick `index`."""
        ticks = self._counter.ticks
        first, last = max(index - _AROUND, 0), min(index + 1 + _AROUND, len(ticks) - 1)
        times = [places.t_ns(at) for at in range(first, last + 1)]
        if any(later <= earlier for earlier, later in pairwise(times)):
            times = [tick.t_ns for tick in ticks[first : last + 1]]  # their own brackets never overlap
        rises = [later.joules - earlier.joules for earlier, later in pairwise(ticks[first : last + 1])]
        return [Span(b, e, rise) for (b, e), rise in zip(pairwise(times), rises, strict=True)], index - first

    def _windows(self, begin_ns: int, end_ns: int) -> list[Piece]:
        """When the instant field looked, and what it saw."""
        found: list[Piece] = []
        period_ns = self._instant.period_ns()
        if not self._window_ns or not period_ns:
            return found
        for update_ns, watts in self._instant.updates(begin_ns - 2 * period_ns, end_ns + 2 * period_ns):
            begin = max(update_ns - self._window_ns, found[-1].end_ns if found else 0)
            if update_ns > begin:
                found.append(Piece(begin, update_ns, watts))
        return found

    def _evenly(self, t_ns: int, index: int, span: Span, seen: Sequence[float]) -> Reading:
        """Nothing is known of the inside: the load's unsteadiness around has to tell."""
        before, after = (t_ns - span.begin_ns) / NS, (span.end_ns - t_ns) / NS
        around = (t_ns - NS, t_ns + NS)
        # Without the instant field nobody has looked inside: the power there may have been anything.
        unsteady = self._instant.spread(*around) if self._instant.values(*around) else _UNLOOKED * span.watts
        swing = (max(seen) - min(seen)) / 2 if seen else 0.0
        spread = max(unsteady, swing, self._unseen_watts, 0.01 * span.watts)
        joules = self._counter.ticks[index].joules + span.watts * before
        return Reading(joules, _UNSEEN * spread * before * after / (before + after), span.watts, index)

    def _beyond(self, t_ns: int, index: int, places: Places) -> Reading | None:
        """Beyond the ticks by less than two periods, go on with the instant power, and double the doubt."""
        period, ticks = self._counter.period_ns(), self._counter.ticks
        if period is None or abs(t_ns - places.t_ns(index)) > 2 * period:
            return None
        watts = self._instant.at(t_ns)
        if watts is None:
            watts = (ticks[-1].joules - ticks[0].joules) * NS / (ticks[-1].t_ns - ticks[0].t_ns)
        seconds = (t_ns - places.t_ns(index)) / NS
        spread = self._instant.spread(t_ns - NS, t_ns + NS)
        return Reading(ticks[index].joules + watts * seconds, abs(seconds) * (2 * spread + 0.02 * watts), watts, index)


def _deviation(course: Course, number: int, span: Span, t_ns: int) -> float:
    """Standard deviation of the likeliest course at `t_ns`, in joules."""
    bounds, kind = course.at(number, t_ns), course.kind(number)
    noise = course.noise_watts * bounds.lever_seconds
    before, after = (t_ns - span.begin_ns) / NS, (span.end_ns - t_ns) / NS
    bridge = before * after / (before + after)
    furthest = max(bounds.high - bounds.guess, bounds.guess - bounds.low)
    match kind:
        case "straight":
            return max(furthest / math.sqrt(3), noise)
        case "stepped":
            return math.hypot(furthest / math.sqrt(3), noise, _SLOPE * course.slope_watts(number) * bridge)
        case "open":
            return math.hypot(_OPEN * furthest, course.noise_watts * bridge)
        case "aliased":
            near_a_tick = min(1.0, 10 * min(before, after) / (before + after))
            return math.hypot(_ALIASED * furthest, _RIPPLE * span.joules * near_a_tick)
