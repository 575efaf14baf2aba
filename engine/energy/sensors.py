"""One device's three sensors side by side: what each says of a window, in the words that verdicts are made of. Pure."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from engine.clock import NS
from engine.energy.agreement import Beside, Evidence
from engine.energy.power import PowerTrack
from engine.energy.ticks import CounterTrack

_MOST_SHOWN = 1.5
"""Between two ticks the mean power may have been so many times the highest that a power field showed."""


@dataclass(frozen=True)
class Sensors:
    """Counter, instant field and average; `windows_ns` as `EnergyMeter` has it."""

    counter: CounterTrack = field(default_factory=CounterTrack)
    instant: PowerTrack = field(default_factory=PowerTrack)
    average: PowerTrack = field(default_factory=PowerTrack)
    windows_ns: Mapping[str, int] = field(default_factory=dict)

    def window_ns(self, column: str) -> int | None:
        """How long the sensor looks for one value: as documented, else as its update period suggests.

        Measured (arXiv 2312.02741): 25 of every 100 ms on A100 and H100, 10 of 20 on V100.
        """
        known = self.windows_ns.get(column)
        period = self.instant.period_ns() if column == "power_instant_watts" else None
        if known is not None or period is None:
            return known
        return period // 4 if period > 60_000_000 else period // 2

    def lag_ns(self) -> int:
        """How much later than the power it tells of an instant reading stands there, on average."""
        period = self.instant.period_ns()
        return 0 if period is None else (period + (self.window_ns("power_instant_watts") or 0)) // 2

    def evidence(
        self,
        start_ns: int,
        end_ns: int,
        *,
        newest_ns: int | None,
        joules: float | None = None,
        counted: bool = True,
    ) -> Evidence:
        """What they said of the window, as of `newest_ns`; `joules` is the figure, else the counter's between ticks."""
        lag = self.lag_ns()
        until = min(end_ns + lag, newest_ns or end_ns)
        average = self._averaged((end_ns - start_ns) // NS, end_ns)
        period = self.instant.period_ns() or 0
        blind = max(period - (self.window_ns("power_instant_watts") or period), 0)
        if joules is None:
            watts = self.counted_watts(start_ns, end_ns)
            joules = None if watts is None else watts * (end_ns - start_ns) / NS
        return Evidence(
            seconds=(end_ns - start_ns) / NS,
            joules=joules,
            counted=counted,
            instant_watts=self.instant.mean(start_ns + lag, until) if until > start_ns + lag else None,
            instant_travel_watts=self.instant.travel(start_ns - period, until + period),
            placing_watts=self._placing_watts(start_ns, end_ns),
            blind_seconds=blind / NS,
            average_watts=average,
            beside=tuple((self._counter_beside if counted else self._instant_beside)(start_ns, end_ns)),
            tick_seconds=(self.counter.period_ns() or 0) / NS,
        )

    def _averaged(self, seconds: int, end_ns: int) -> float | None:
        """The mean of the one-second averages that cover just the last whole seconds."""
        values = [self.average.at(end_ns - back * NS) for back in range(seconds)]
        known = [value for value in values if value is not None]
        return sum(known) / seconds if seconds and len(known) == seconds else None

    def _averages(self, start_ns: int, end_ns: int) -> Iterator[tuple[int, float]]:
        """Since when, and how much: over the last whole seconds of the window, and over those that hold all of it.

        Without the latter a window of less than a second would not be compared, nor the first part of any other.
        """
        for seconds in sorted({(end_ns - start_ns) // NS, -(-(end_ns - start_ns) // NS)}):
            average = self._averaged(seconds, end_ns)
            if average is not None:
                yield end_ns - seconds * NS, average

    def _counter_beside(self, start_ns: int, end_ns: int) -> Iterator[Beside]:
        ticks = self.counter.ticks
        for begin_ns, average in self._averages(start_ns, end_ns):
            counted = self.counted_watts(begin_ns, end_ns)
            if counted is None or ticks[0].t_ns > begin_ns:
                continue
            # Each renews its value up to a period before an edge; and of what may have begun with the window, as a
            # command does, the average may tell a little later still.
            apart_ns = (2 + (begin_ns < start_ns)) * (self.counter.period_ns() or NS // 10)
            yield Beside(average, counted, self._edge_watts(begin_ns, end_ns, counted, average, apart_ns))

    def _instant_beside(self, start_ns: int, end_ns: int) -> Iterator[Beside]:
        lag, period = self.lag_ns(), self.instant.period_ns() or 0
        for begin_ns, average in self._averages(start_ns, end_ns):
            instant = self.instant.mean(begin_ns + lag, end_ns + lag)
            values = self.instant.values(begin_ns - period, end_ns + period)
            if instant is None or self.instant.t_ns[0] > begin_ns + lag:
                continue
            # Each step may be off by a period, independently of the others; each edge by one, of all that it moved.
            moved = math.sqrt(sum((later - earlier) ** 2 for earlier, later in pairwise(values)))
            swing = max(values) - min(values)
            yield Beside(average, instant, (moved + 2 * swing) * period / (end_ns - begin_ns))

    def _edge_watts(self, begin_ns: int, end_ns: int, counted: float, average: float, apart_ns: int) -> float:
        """What edges that are so far apart make of the power there.

        Of the counter's own word on that power no more is believed than a power field has shown.
        """
        shown = [average, *self.instant.values(begin_ns, end_ns), *self.average.values(begin_ns, end_ns)]
        apart = 0.0
        for edge_ns in (begin_ns, end_ns):
            first = max(self.counter.first_from(edge_ns - apart_ns) - 1, 0)
            powers = self.counter.mean_watts(first, self.counter.last_until(edge_ns + apart_ns))
            apart += min(max((abs(watts - counted) for watts in powers), default=0.0), _MOST_SHOWN * max(shown))
        return apart_ns * apart / (end_ns - begin_ns)

    def counted_watts(self, start_ns: int, end_ns: int) -> float | None:
        """The counter's mean power between the ticks next to the window's edges."""
        ticks = self.counter.ticks
        first, last = max(self.counter.last_until(start_ns), 0), self.counter.last_until(end_ns)
        if last <= first:
            return None
        return (ticks[last].joules - ticks[first].joules) * NS / (ticks[last].t_ns - ticks[first].t_ns)

    def _placing_watts(self, start_ns: int, end_ns: int) -> float:
        """What the widths of the brackets around the first and the last tick of the window leave open of its power."""
        ticks, watts = self.counter.ticks, self.counted_watts(start_ns, end_ns)
        if watts is None:
            return 0.0
        edges = ticks[max(self.counter.last_until(start_ns), 0)], ticks[self.counter.last_until(end_ns)]
        return watts * sum(tick.by_ns - tick.after_ns for tick in edges) / 2 / (end_ns - start_ns)
