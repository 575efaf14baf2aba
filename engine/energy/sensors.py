"""One device's three sensors side by side: what each says of a window, in the words that verdicts are made of. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.clock import NS
from engine.energy.agreement import Evidence
from engine.energy.power import PowerTrack
from engine.energy.ticks import CounterTrack


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
        whole_seconds, average = self._average_watts(start_ns, end_ns)
        over_average = self.counted_watts(end_ns - whole_seconds * NS, end_ns) if whole_seconds else None
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
            instant_travel_watts=self.instant.travel(start_ns, until),
            swing_watts=self._swing_watts(start_ns, until),
            blind_seconds=blind / NS,
            average_watts=average,
            counted_over_average_watts=over_average,
            average_seconds=whole_seconds,
            tick_seconds=(self.counter.period_ns() or 0) / NS,
        )

    def _average_watts(self, start_ns: int, end_ns: int) -> tuple[int, float | None]:
        """The last whole seconds of the window, and the mean of the one-second averages that cover just them."""
        seconds = (end_ns - start_ns) // NS
        values = [self.average.at(end_ns - back * NS) for back in range(seconds)]
        known = [value for value in values if value is not None]
        return (seconds, sum(known) / seconds) if seconds and len(known) == seconds else (0, None)

    def counted_watts(self, start_ns: int, end_ns: int) -> float | None:
        """The counter's mean power between the ticks next to the window's edges."""
        ticks = self.counter.ticks
        first, last = max(self.counter.last_until(start_ns), 0), self.counter.last_until(end_ns)
        if last <= first:
            return None
        return (ticks[last].joules - ticks[first].joules) * NS / (ticks[last].t_ns - ticks[first].t_ns)

    def _swing_watts(self, start_ns: int, end_ns: int) -> float:
        """From the lowest to the highest power that the instant field or the counter's ticks showed."""
        first, last = max(self.counter.last_until(start_ns), 0), self.counter.last_until(end_ns)
        powers = [*self.instant.values(start_ns, end_ns), *self.counter.mean_watts(first, last)]
        return max(powers) - min(powers) if powers else 0.0
