"""Whether a device's counter can tell the energy of a window, and if not, why. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from engine.energy.listening import Listening
from engine.energy.places import Places
from engine.energy.sensors import Sensors
from engine.validity import Reason

_STALE_TICKS = 5
"""A counter that has not ticked for so many periods has stopped, or was not read."""

_EDGE_PERIODS, _UNREAD_PERIODS = 3, 1
"""A window that is snapped begins and ends within so many of the counter's periods of what was asked: where it was read
all the time and was late itself, and where it was not read."""


class Edges(NamedTuple):
    """The ticks that a window is snapped to, by their index, and where they were."""

    first: int
    last: int
    places: Places


@dataclass(frozen=True)
class Counting:
    """What is known of the counter's ticks, and of when the device answered."""

    sensors: Sensors
    listening: Listening

    def lost(self, start_ns: int, end_ns: int, *, silent_ns: int | None = None) -> bool:
        """Whether the counter says nothing about this window: it is missing, stands still, was not read, or began
        again from zero while nobody saw what went."""
        counter = self.sensors.counter
        if any(bridge.deviation is None for bridge in counter.bridged(start_ns, end_ns)):
            return True
        period = counter.period_ns()
        if counter.read_ns is None or period is None:
            return len(counter.ticks) < 2
        last = counter.last_until(end_ns)
        newest = counter.ticks[last].t_ns if last >= 0 else None
        return newest is None or self.listening.told_until(end_ns, silent_ns) - newest > _STALE_TICKS * period

    def edges(self, start_ns: int, end_ns: int) -> Edges | None:
        """The first and the last tick in the window; None where there are no two, or where nobody knows of any that
        are as near to its edges as those of a counter that ticks and is read."""
        counter = self.sensors.counter
        first, last = counter.first_from(start_ns), counter.last_until(end_ns)
        if last <= first:
            return None
        places = counter.places(first, last)
        # A wide bracket's middle says nothing: the tick behind a hole may lie in the window or not.
        first -= first > 0 and counter.hides(first - 1)
        last += counter.hides(last + 1)
        while first < last and counter.hides(first) and places.bounds(first)[0] < start_ns - counter.bracket_ns(first):
            first += 1
        while first < last and counter.hides(last) and places.bounds(last)[1] > end_ns + counter.bracket_ns(last):
            last -= 1
        late_ns, early_ns = places.bounds(first)[1] - start_ns, end_ns - places.bounds(last)[0]
        unread = first == 0 or counter.hides(first), self._unread_after(last, end_ns)
        near = late_ns <= self._reach_ns(first, unread[0]) and early_ns <= self._reach_ns(last, unread[1])
        return Edges(first, last, places) if near and first < last else None

    def _unread_after(self, last: int, end_ns: int) -> bool:
        """Whether a tick between this one and the end may not have been seen."""
        counter = self.sensors.counter
        if last + 1 < len(counter.ticks):
            return counter.hides(last) or counter.hides(last + 1)
        silent_ns = end_ns - (counter.read_ns or 0)
        return silent_ns > max((counter.period_ns() or 0) // 4, 2 * counter.bracket_ns(last))

    def _reach_ns(self, index: int, unread: bool) -> int:
        """How far from an edge its tick may be: one period where others may be nearer, and were not read."""
        counter = self.sensors.counter
        periods = _UNREAD_PERIODS if unread else _EDGE_PERIODS
        return periods * (counter.period_ns() or 0) + counter.bracket_ns(index)

    def why_not(self, start_ns: int, end_ns: int) -> tuple[Reason, ...]:
        """What is to be said of a window for which another sensor has to stand in; nothing where no counter is."""
        counter = self.sensors.counter
        if counter.read_ns is None:
            return ()
        first, last = counter.first_from(start_ns), counter.last_until(end_ns)
        if not self.lost(start_ns, end_ns):
            near = last <= first or self.edges(start_ns, end_ns)
            return (Reason.WINDOW_TOO_SHORT,) if near else self._absent(start_ns, end_ns)
        stood_ns = min(counter.read_ns, end_ns) - (counter.ticks[last].t_ns if last >= 0 else 0)
        if stood_ns <= _STALE_TICKS * (counter.period_ns() or 0):  # it moved as long as it was read
            return (Reason.GAP,) if end_ns - counter.read_ns > self.listening.gap_ns else ()
        return self._absent(start_ns, end_ns)

    def _absent(self, start_ns: int, end_ns: int) -> tuple[Reason, ...]:
        """It did not tick where it should have: it did not answer, or contradicts whoever saw that power was drawn."""
        counter = self.sensors.counter
        around = range(max(counter.last_until(start_ns), 0), min(counter.last_until(end_ns) + 2, len(counter.ticks)))
        late = bool(counter.ticks) and counter.ticks[0].after_ns > start_ns
        silent = any(begin <= end_ns and end >= start_ns for begin, end in counter.silences)
        if late or silent or any(counter.hides(index) for index in around):
            return (Reason.GAP,)
        if self.sensors.instant.values(start_ns, end_ns):
            return (Reason.COUNTER_INSTANT_DISAGREE,)
        return (Reason.COUNTER_AVERAGE_DISAGREE,) if self.sensors.average.values(start_ns, end_ns) else ()
