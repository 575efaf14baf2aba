"""Energy of a window, from what one device's sensors said. Pure: readings in, joules with their uncertainty out.

The counter decides. It ticks (every 20 to 100 ms on real GPUs), and says exactly how much energy went between two
ticks but nothing certain about the inside of one. So a window that wattrace may choose is `snapped` to ticks. For one
that is `given` both edges are interpolated, and the uncertainty says what that leaves open. Where there is no counter
the instant field is integrated, and where there is none, the average. docs/measurement.md has the method for referees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.clock import NS
from engine.energy.agreement import Evidence, weigh
from engine.energy.interpolation import COVERAGE, Interpolation
from engine.energy.power import PowerTrack
from engine.energy.ticks import CounterTrack, Places
from engine.validity import Reason

Method = Literal["counter", "integral_instant", "integral_average"]

GAP_NS = NS // 10
"""Readings that are further apart than this leave a gap that is told."""

_STALE_TICKS = 5
"""A counter that has not ticked for so many periods has stopped, or was not read."""

_GAIN_ERROR = 0.05
"""Boards' sensors differ by up to 5 % in gain (arXiv 2312.02741); an integral has nothing to bound it better."""


@dataclass(frozen=True, slots=True)
class WindowEnergy:
    """Energy of the window from `start_ns` to `end_ns`, None where it is not known, with what speaks against it."""

    start_ns: int
    end_ns: int
    energy_joules: float | None
    uncertainty_joules: float | None
    method: Method | None
    valid: bool
    reasons: tuple[Reason, ...]
    cross_checks: dict[str, float | None] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """The window's length."""
        return (self.end_ns - self.start_ns) / NS

    @property
    def mean_watts(self) -> float | None:
        """Energy over time."""
        return self.energy_joules / self.seconds if self.energy_joules is not None and self.seconds > 0 else None


class EnergyMeter:
    """One device's readings, kept as long as somebody may still ask for a window of them.

    `windows_ns` says how long the sensor looks for one value, by column name, where that is documented.
    """

    def __init__(self, windows_ns: Mapping[str, int] | None = None) -> None:
        self.counter = CounterTrack()
        self.instant = PowerTrack()
        self.average = PowerTrack()
        self.newest_t_ns: int | None = None
        self._windows_ns = dict(windows_ns or {})
        self._gaps: list[tuple[int, int]] = []
        self._answered_ns: int | None = None

    # -- readings in

    def add(self, t_ns: int, *, instant: float | None, average: float | None, joules: float | None) -> None:
        """Take one sample of all three sensors; None for what the device did not give."""
        ticked = self.counter.add(t_ns, joules)
        self.instant.add(t_ns, instant)
        self.average.add(t_ns, average)
        if ticked and self.counter.pending_reset:
            self._bridge_reset()
        self.newest_t_ns = t_ns
        if instant is None and average is None and joules is None:
            return
        if self._answered_ns is not None and t_ns - self._answered_ns > GAP_NS:
            self._gaps.append((self._answered_ns, t_ns))
        self._answered_ns = t_ns

    def add_page(
        self,
        t_ns: Sequence[int],
        *,
        instant: Sequence[float | None],
        average: Sequence[float | None],
        joules: Sequence[float | None],
    ) -> None:
        """Take the samples of one page, as `add` would one by one."""
        answered, told = self._answered_ns, None not in (*instant, *average, *joules)
        # Each of the three for itself is several times faster, and the same where nothing ties them to one another.
        if answered is None or not told or t_ns[-1] - answered > GAP_NS or not self.counter.goes_on(joules):
            for row in zip(t_ns, instant, average, joules, strict=True):
                self.add(row[0], instant=row[1], average=row[2], joules=row[3])
            return
        self.counter.add_all(t_ns, joules)  # type: ignore[arg-type]  # none of them is None
        self.instant.add_all(t_ns, instant)
        self.average.add_all(t_ns, average)
        self.newest_t_ns = self._answered_ns = t_ns[-1]

    def _bridge_reset(self) -> None:
        before, after = self.counter.ticks[-2].t_ns, self.counter.ticks[-1].t_ns
        self.counter.bridge(self.instant.integral(before, after) or self.average.integral(before, after))

    def forget_before(self, t_ns: int) -> None:
        """Drop what no window from `t_ns` on needs."""
        self.counter.forget_before(t_ns)
        self.instant.forget_before(t_ns - 2 * NS)
        self.average.forget_before(t_ns - 2 * NS)
        self._gaps = [gap for gap in self._gaps if gap[1] >= t_ns]

    # -- figures out

    def periods(self) -> dict[str, int | None]:
        """How often each sensor is seen to renew its value, in nanoseconds."""
        return {
            "power_instant": self.instant.period_ns(),
            "power_average": self.average.period_ns(),
            "energy_counter": self.counter.period_ns(),
        }

    def snapped(self, start_ns: int, end_ns: int, *, quick: bool = False) -> WindowEnergy:
        """Energy between the first and the last counter tick in the window, which is what its edges then say.

        `quick` is for figures that will be old in a moment: ticks are placed by their own brackets, and the other
        sensors are not asked. Without ticks the integral over the whole window, and the reason.
        """
        first, last = self.counter.first_from(start_ns), self.counter.last_until(end_ns)
        if last <= first or self._counter_lost(start_ns, end_ns):
            if quick and self.counter.read_ns is not None:  # the ticks are still to come: nothing is wrong yet
                return WindowEnergy(start_ns, end_ns, None, None, None, False, ())
            return self._integrated(start_ns, end_ns)
        ticks = self.counter.ticks
        joules = ticks[last].joules - ticks[first].joules
        if quick:
            return WindowEnergy(ticks[first].t_ns, ticks[last].t_ns, joules, None, "counter", True, ())
        places = self.counter.places(first, last)
        doubt = COVERAGE * self._placing_joules(first, last, places)
        return self._judged(places.t_ns(first), places.t_ns(last), joules, doubt, "counter")

    def _placing_joules(self, first: int, last: int, places: Places) -> float:
        """Standard deviation from when the two ticks were, at the most unlike powers that were seen around them."""
        low, high = self._powers_at(first, places), self._powers_at(last, places)
        pairs = ((min(low), max(high)), (max(low), min(high)))
        return max(places.deviation([(first, begin), (last, -end)]) for begin, end in pairs)

    def _powers_at(self, index: int, places: Places) -> list[float]:
        t_ns, reach_ns = places.t_ns(index), 2 * (self.instant.period_ns() or 0)
        around = self.counter.mean_watts(max(index - 1, 0), min(index + 1, len(self.counter.ticks) - 1))
        return [*around, *self.instant.values(t_ns, t_ns + reach_ns)]

    def given(self, start_ns: int, end_ns: int) -> WindowEnergy:
        """Energy of exactly this window: ticks inside, interpolated edges, and the uncertainty that they leave."""
        if not self._counter_lost(start_ns, end_ns):
            shape = self._interpolation(start_ns, end_ns)
            found = shape.between(start_ns, end_ns)
            if found is not None:
                return self._judged(start_ns, end_ns, *found, "counter")
        return self._integrated(start_ns, end_ns)

    def _interpolation(self, start_ns: int, end_ns: int) -> Interpolation:
        beat = weigh(self._evidence(start_ns, end_ns)).unseen_watts
        return Interpolation(self.counter, self.instant, self._window_ns("power_instant_watts"), unseen_watts=beat)

    def _counter_lost(self, start_ns: int, end_ns: int) -> bool:
        """Whether the counter says nothing about this window: it is missing, stands still, or was not read."""
        period = self.counter.period_ns()
        read = self.counter.read_ns
        if read is None or period is None:
            return len(self.counter.ticks) < 2
        last = self.counter.last_until(end_ns)
        newest = self.counter.ticks[last].t_ns if last >= 0 else None
        return newest is None or min(end_ns, self.newest_t_ns or end_ns) - newest > _STALE_TICKS * period

    def _integrated(self, start_ns: int, end_ns: int) -> WindowEnergy:
        """The energy without a counter: the instant field where there is one, else the average, else unknown."""
        extra = self._why_not_counted(start_ns, end_ns)
        lag = self._lag_ns()
        joules = self.instant.integral(start_ns + lag, min(end_ns + lag, self.newest_t_ns or end_ns))
        if joules is not None:
            covered = min(end_ns + lag, self.newest_t_ns or end_ns) - start_ns - lag
            joules *= (end_ns - start_ns) / covered
            return self._judged(start_ns, end_ns, joules, _GAIN_ERROR * joules, "integral_instant", extra)
        joules = self.average.integral(start_ns, end_ns)
        if joules is not None:
            return self._judged(start_ns, end_ns, joules, _GAIN_ERROR * joules, "integral_average", extra)
        reasons = self._gap_reason(start_ns, end_ns) or (Reason.NOT_SUPPORTED,)
        return WindowEnergy(start_ns, end_ns, None, None, None, False, tuple(dict.fromkeys((*extra, *reasons))))

    def _why_not_counted(self, start_ns: int, end_ns: int) -> tuple[Reason, ...]:
        if self.counter.read_ns is None:
            return ()
        if not self._counter_lost(start_ns, end_ns):
            return (Reason.WINDOW_TOO_SHORT,)
        idle = not self.instant.values(start_ns, end_ns)
        # It was read and did not move although power was drawn: it contradicts the instant field.
        return () if idle else (Reason.COUNTER_INSTANT_DISAGREE,)

    def _judged(
        self,
        start_ns: int,
        end_ns: int,
        joules: float,
        doubt: float,
        method: Method,
        extra: tuple[Reason, ...] = (),
    ) -> WindowEnergy:
        """The energy with the other sensors' word on it."""
        evidence = self._evidence(start_ns, end_ns, joules, method)
        verdict = weigh(evidence)
        reasons = [*extra, *verdict.reasons, *self._gap_reason(start_ns, end_ns)]
        if any(start_ns <= reset <= end_ns for reset in self.counter.resets):
            reasons.append(Reason.COUNTER_RESET)
        if doubt > _GAIN_ERROR * abs(joules) and method == "counter":
            reasons.append(Reason.WINDOW_TOO_SHORT)
        valid = not any(reason.weight == "invalid" for reason in reasons) and not (
            Reason.COUNTER_INSTANT_DISAGREE in reasons and Reason.SENSOR_BEATS_WITH_LOAD not in reasons
        )
        checks = {
            "counter_joules": joules if method == "counter" else None,
            "instant_joules": evidence.instant_joules,
            "average_joules": evidence.average_joules,
        }
        return WindowEnergy(start_ns, end_ns, joules, doubt, method, valid, tuple(dict.fromkeys(reasons)), checks)

    def _gap_reason(self, start_ns: int, end_ns: int) -> tuple[Reason, ...]:
        open_gap = self._answered_ns is not None and (self.newest_t_ns or 0) - self._answered_ns > GAP_NS
        gaps = [*self._gaps, (self._answered_ns or 0, self.newest_t_ns or 0)] if open_gap else self._gaps
        return (Reason.GAP,) if any(begin < end_ns and end > start_ns for begin, end in gaps) else ()

    # -- what the sensors say of one another

    def _window_ns(self, column: str) -> int | None:
        """How long the sensor looks for one value: as documented, else as its update period suggests.

        Measured (arXiv 2312.02741): 25 of every 100 ms on A100 and H100, 10 of 20 on V100.
        """
        known = self._windows_ns.get(column)
        period = self.instant.period_ns()
        if known is not None or period is None:
            return known
        return period // 4 if period > 60_000_000 else period // 2

    def _lag_ns(self) -> int:
        """How much later than the power it tells of an instant reading stands there, on average."""
        period = self.instant.period_ns()
        return 0 if period is None else (period + (self._window_ns("power_instant_watts") or 0)) // 2

    def _evidence(
        self, start_ns: int, end_ns: int, joules: float | None = None, method: Method = "counter"
    ) -> Evidence:
        lag = self._lag_ns()
        until = min(end_ns + lag, self.newest_t_ns or end_ns)
        whole_seconds, average = self._average_watts(start_ns, end_ns)
        counted = self._counted_watts(end_ns - whole_seconds * NS, end_ns) if whole_seconds else None
        period = self.instant.period_ns() or 0
        blind = max(period - (self._window_ns("power_instant_watts") or period), 0)
        if joules is None:
            watts = self._counted_watts(start_ns, end_ns)
            joules = None if watts is None else watts * (end_ns - start_ns) / NS
        return Evidence(
            seconds=(end_ns - start_ns) / NS,
            joules=joules,
            counted=method == "counter",
            instant_watts=self.instant.mean(start_ns + lag, until) if until > start_ns + lag else None,
            instant_travel_watts=self.instant.travel(start_ns, until),
            swing_watts=self._swing_watts(start_ns, until),
            blind_seconds=blind / NS,
            average_watts=average,
            counted_over_average_watts=counted,
            average_seconds=whole_seconds,
            tick_seconds=(self.counter.period_ns() or 0) / NS,
        )

    def _average_watts(self, start_ns: int, end_ns: int) -> tuple[int, float | None]:
        """The last whole seconds of the window, and the mean of the one-second averages that cover just them."""
        seconds = (end_ns - start_ns) // NS
        values = [self.average.at(end_ns - back * NS) for back in range(seconds)]
        known = [value for value in values if value is not None]
        return (seconds, sum(known) / seconds) if seconds and len(known) == seconds else (0, None)

    def _counted_watts(self, start_ns: int, end_ns: int) -> float | None:
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

    # -- the live display

    def recent_watts(self, start_ns: int, end_ns: int) -> float | None:
        """Mean watts of a short recent span: the instant field's, else the average's, else the counter's."""
        for track in (self.instant, self.average):
            mean = track.mean(start_ns, end_ns)
            if mean is not None:
                return mean
        return self._counted_watts(start_ns, end_ns)

    def peak_watts(self, start_ns: int, end_ns: int) -> float | None:
        """The highest reading of the best power field."""
        readings = self.instant.values(start_ns, end_ns) or self.average.values(start_ns, end_ns)
        return max(readings, default=None)
