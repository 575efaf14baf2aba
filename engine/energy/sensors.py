"""One device's three sensors side by side: what each says of a window, in the words that verdicts are made of. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping
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
        average = self._averaged((end_ns - start_ns) // NS, self.averaged_until(end_ns))
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
            unheard_watts=self._unheard_watts(start_ns + lag, until),
            average_watts=average,
            beside=tuple((self._counter_beside if counted else self._instant_beside)(start_ns, end_ns)),
            tick_seconds=(self.counter.period_ns() or 0) / NS,
        )

    def _averaged(self, seconds: int, end_ns: int) -> float | None:
        """The mean of the one-second averages that cover just the last whole seconds."""
        values = self.averaged_at(end_ns - back * NS for back in range(seconds))
        known = [value for value in values if value is not None]
        return sum(known) / seconds if seconds and len(known) == seconds else None

    def averaged_until(self, t_ns: int) -> int:
        """The last moment until `t_ns` at which the average was renewed: it tells of the second before that."""
        return self.average.renewed(t_ns) or t_ns

    def averaged_at(self, renewed_ns: Iterable[int]) -> list[float | None]:
        """The averages of the seconds until then, when they were renewed, or whole seconds before or after.

        Read in the middle of their hold: at its ends a reading that is late would tell of another second.
        """
        half_ns = (self.average.period_ns() or 0) // 2
        return [self.average.at(t_ns + half_ns) for t_ns in renewed_ns]

    def _averages(self, start_ns: int, end_ns: int) -> Iterator[tuple[int, float]]:
        """Since when, and how much: over the last whole seconds of the window, and over those that hold all of it.

        Without the latter a window of less than a second would not be compared, nor the first part of any other.
        """
        until_ns = self.averaged_until(end_ns)
        for seconds in sorted({(end_ns - start_ns) // NS, -(-(end_ns - start_ns) // NS)}):
            average = self._averaged(seconds, until_ns)
            if average is not None:
                yield end_ns - seconds * NS, average

    def _counter_beside(self, start_ns: int, end_ns: int) -> Iterator[Beside]:
        ticks = self.counter.ticks
        for begin_ns, average in self._averages(start_ns, end_ns):
            counted = self.counted_watts(begin_ns, end_ns)
            unread = any(map(self.counter.unread_at, (begin_ns, end_ns)))
            if counted is None or ticks[0].t_ns > begin_ns or unread:
                continue
            # Each renews its value up to a period before an edge; and of what may have begun with the window, as a
            # command does, the average may tell a little later still.
            apart_ns = (2 + (begin_ns < start_ns)) * (self.counter.period_ns() or NS // 10)
            yield Beside(average, counted, self.edge_watts(begin_ns, end_ns, counted, average, apart_ns))

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
            explained = (moved + 2 * swing) * period / (end_ns - begin_ns)
            yield Beside(average, instant, explained + self._unheard_watts(begin_ns + lag, end_ns + lag))

    def _unheard_watts(self, begin_ns: int, end_ns: int) -> float:
        """How far off the instant field's mean may be for what it was not heard to say: as far as any power shown."""
        unheard = self.instant.holes_seconds(begin_ns, end_ns) if end_ns > begin_ns else 0.0
        if not unheard:
            return 0.0
        counted = self.counter.mean_watts(self.counter.last_until(begin_ns), self.counter.last_until(end_ns) + 1)
        return max([*self.instant.values(begin_ns, end_ns), *counted], default=0.0) * unheard * NS / (end_ns - begin_ns)

    def edge_watts(self, begin_ns: int, end_ns: int, counted: float, average: float, apart_ns: int) -> float:
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
        """The counter's mean power between the ticks next to the window's edges; of those in a hole nobody knows when
        they were, so it is the power beside it."""
        counter, ticks = self.counter, self.counter.ticks
        first, last = max(counter.last_until(start_ns), 0), counter.last_until(end_ns)
        if counter.unread_at(start_ns):
            first = next((at for at in range(first + 1, last) if not counter.hides(at)), last)
        while last > first and counter.hides(last):
            last -= 1
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
