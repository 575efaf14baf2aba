"""Whether a device's counter can tell the energy of a window, and if not, why. Pure."""

from dataclasses import dataclass

from engine.energy.listening import Listening
from engine.energy.sensors import Sensors
from engine.validity import Reason

_STALE_TICKS = 5
"""A counter that has not ticked for so many periods has stopped, or was not read."""

_EDGE_PERIODS = 3
"""A window that is snapped to ticks begins and ends within so many of its periods of what was asked."""


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

    def near(self, first: int, last: int, start_ns: int, end_ns: int) -> bool:
        """Whether these ticks are as near to the window's edges as those of a counter that ticks and is read."""
        begin, end = self.sensors.counter.ticks[first], self.sensors.counter.ticks[last]
        reach_ns = _EDGE_PERIODS * (self.sensors.counter.period_ns() or 0)
        return begin.t_ns - start_ns <= reach_ns and end_ns - end.t_ns <= reach_ns

    def why_not(self, start_ns: int, end_ns: int) -> tuple[Reason, ...]:
        """What is to be said of a window for which another sensor has to stand in; nothing where no counter is."""
        counter = self.sensors.counter
        if counter.read_ns is None:
            return ()
        first, last = counter.first_from(start_ns), counter.last_until(end_ns)
        if not self.lost(start_ns, end_ns):
            near = last <= first or self.near(first, last, start_ns, end_ns)
            return (Reason.WINDOW_TOO_SHORT,) if near else self._absent(start_ns, end_ns)
        stood_ns = min(counter.read_ns, end_ns) - (counter.ticks[last].t_ns if last >= 0 else 0)
        if stood_ns <= _STALE_TICKS * (counter.period_ns() or 0):  # it moved as long as it was read
            return (Reason.GAP,) if end_ns - counter.read_ns > self.listening.gap_ns else ()
        return self._absent(start_ns, end_ns)

    def _absent(self, start_ns: int, end_ns: int) -> tuple[Reason, ...]:
        """It did not tick where it should have: it did not answer, or contradicts whoever saw that power was drawn."""
        if any(begin <= end_ns and end >= start_ns for begin, end in self.sensors.counter.silences):
            return (Reason.GAP,)
        if self.sensors.instant.values(start_ns, end_ns):
            return (Reason.COUNTER_INSTANT_DISAGREE,)
        return (Reason.COUNTER_AVERAGE_DISAGREE,) if self.sensors.average.values(start_ns, end_ns) else ()
