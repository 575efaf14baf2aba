"""Energy of a window, from what one device's sensors said. Pure: readings in, joules with their uncertainty out.

The counter decides. It ticks (every 20 to 100 ms on real GPUs), and says exactly how much energy went between two
ticks but nothing certain about the inside of one. So a window that wattrace may choose is `snapped` to ticks. For one
that is `given` both edges are interpolated, and the uncertainty says what that leaves open. Where there is no counter
the instant field is integrated, and where there is none, the average. docs/measurement.md has the method for referees.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.clock import NS
from engine.energy.agreement import weigh
from engine.energy.bridge import Witness, lost_joules
from engine.energy.counting import Counting
from engine.energy.integrals import GAIN_ERROR, of_average, of_instant
from engine.energy.interpolation import COVERAGE, Interpolation
from engine.energy.listening import GAP_NS, Listening
from engine.energy.pieces import pieces
from engine.energy.places import Places, Tick
from engine.energy.sensors import Sensors
from engine.validity import Reason

Method = Literal["counter", "integral_instant", "integral_average"]

_TOO_OPEN = 0.05
"""A window whose edges leave more than this share of its energy open is too short for the sensor."""


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
        self._sensors, self._listening = Sensors(windows_ns=dict(windows_ns or {})), Listening()
        self.counter, self.instant, self.average = self._sensors.counter, self._sensors.instant, self._sensors.average
        self._counting = Counting(self._sensors, self._listening)
        self._unsettled: Tick | None = None
        """The first tick after a reset, while the power fields still tell of what went before it."""

    @property
    def newest_t_ns(self) -> int | None:
        """When the device was last asked."""
        return self._listening.newest_ns

    # -- readings in

    def add(self, t_ns: int, *, instant: float | None, average: float | None, joules: float | None) -> None:
        """Take one sample of all three sensors; None for what the device did not give."""
        if self._listening.hole(t_ns):
            self.instant.unheard()
            self.average.unheard()
        ticked = self.counter.add(t_ns, joules)
        self.instant.add(t_ns, instant)
        self.average.add(t_ns, average)
        if ticked and self.counter.pending_reset:
            self._unsettled = self.counter.ticks[-1]
            self._bridge_reset(self._unsettled)
        elif self._unsettled is not None and t_ns >= self._unsettled.t_ns + self._sensors.lag_ns():
            self._bridge_reset(self._unsettled)
            self._unsettled = None
        self._listening.heard(t_ns, answered=not (instant is None and average is None and joules is None))

    def add_page(
        self,
        t_ns: Sequence[int],
        *,
        instant: Sequence[float | None],
        average: Sequence[float | None],
        joules: Sequence[float | None],
    ) -> None:
        """Take the samples of one page, as `add` would one by one."""
        answered, told = self._listening.answered_ns, None not in (*instant, *average, *joules)
        # Each of the three for itself is several times faster, and the same where nothing ties them to one another.
        if (
            answered is None
            or not told
            or t_ns[-1] - answered > GAP_NS
            or self._unsettled
            or not self.counter.goes_on(joules)
        ):
            for row in zip(t_ns, instant, average, joules, strict=True):
                self.add(row[0], instant=row[1], average=row[2], joules=row[3])
            return
        self.counter.add_all(t_ns, joules)  # type: ignore[arg-type]  # none of them is None
        self.instant.add_all(t_ns, instant)
        self.average.add_all(t_ns, average)
        self._listening.answered_all(t_ns)

    def _bridge_reset(self, after: Tick) -> None:
        counter = self.counter
        index = counter.first_from(after.t_ns)
        if not 0 < index < len(counter.ticks):
            return  # what was before it has been forgotten
        witnesses = (Witness(self.instant, self._sensors.lag_ns()), Witness(self.average, 0))
        found = lost_joules(counter.ticks[:index], counter.period_ns(), after, witnesses)
        counter.bridge(index, found.joules, found.deviation if found.known else None)

    def forget_before(self, t_ns: int) -> None:
        """Drop what no window from `t_ns` on needs."""
        self.counter.forget_before(t_ns)
        self.instant.forget_before(t_ns - 2 * NS)
        self.average.forget_before(t_ns - 2 * NS)
        self._listening.forget_before(t_ns)

    # -- figures out

    def periods(self) -> dict[str, int | None]:
        """How often each sensor is seen to renew its value, in nanoseconds."""
        return {
            "power_instant": self.instant.renewal_ns(),
            "power_average": self.average.renewal_ns(),
            "energy_counter": self.counter.renewal_ns(),
        }

    def window(self, column: str) -> tuple[int | None, Literal["documented", "assumed"] | None]:
        """How long the sensor looks for one value of `column` in nanoseconds, and where that is known from."""
        found = self._sensors.window_ns(column)
        return found, None if found is None else "documented" if column in self._sensors.windows_ns else "assumed"

    def snapped(self, start_ns: int, end_ns: int, *, quick: bool = False) -> WindowEnergy:
        """Energy between the first and the last counter tick in the window, which is what its edges then say.

        `quick` is for figures that will be old in a moment: ticks are placed by their own brackets, the other sensors
        are not asked, and only silence of a second is news. Without ticks the integral over the whole window, and the
        reason.
        """
        asked = start_ns, end_ns
        if quick:
            return self._quickly(self.counter.first_from(start_ns), self.counter.last_until(end_ns), asked)
        edges = None if self._counting.lost(*asked) else self._counting.edges(*asked)
        if edges is None:
            return self._integrated(*asked)
        first, last, places = edges
        ticks = self.counter.ticks
        joules = ticks[last].joules - ticks[first].joules
        resets = [bridge.deviation or 0.0 for bridge in self.counter.bridged(ticks[first].t_ns, ticks[last].t_ns)]
        doubt = COVERAGE * math.hypot(self._placing_joules(first, last, places), *resets)
        return self._judged((places.t_ns(first), places.t_ns(last)), joules, doubt, "counter", asked=asked)

    def _quickly(self, first: int, last: int, asked: tuple[int, int]) -> WindowEnergy:
        reasons = self._interruptions(*asked, silent_ns=NS)
        ticks = self.counter.ticks
        if last <= first or self._counting.lost(*asked, silent_ns=NS):
            if self.counter.read_ns is None:
                return self._integrated(*asked)
            # The ticks are still to come: nothing is wrong yet.
            return WindowEnergy(*asked, None, None, None, False, reasons)
        joules = ticks[last].joules - ticks[first].joules
        return WindowEnergy(ticks[first].t_ns, ticks[last].t_ns, joules, None, "counter", True, reasons)

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
        if not self._counting.lost(start_ns, end_ns):
            shape = self._interpolation(start_ns, end_ns)
            found = shape.between(start_ns, end_ns)
            if found is not None:
                return self._judged((start_ns, end_ns), *found, "counter")
        return self._integrated(start_ns, end_ns)

    def _interpolation(self, start_ns: int, end_ns: int) -> Interpolation:
        beat = weigh(self._sensors.evidence(start_ns, end_ns, newest_ns=self.newest_t_ns)).unseen_watts
        return Interpolation(
            self.counter, self.instant, self._sensors.window_ns("power_instant_watts"), unseen_watts=beat
        )

    def _integrated(self, start_ns: int, end_ns: int) -> WindowEnergy:
        """The energy without a counter: the instant field where there is one, else the average, else unknown."""
        extra, window = self._counting.why_not(start_ns, end_ns), (start_ns, end_ns)
        lag = self._sensors.lag_ns()
        # The last reading may stand for as long as it takes to tell of the window's end, and no longer.
        until = max(min(end_ns + lag, self.newest_t_ns or end_ns), self._listening.told_until(end_ns))
        found = of_instant(self.instant, start_ns, end_ns, lag_ns=lag, until_ns=until)
        if found is not None:
            integrated = self._judged(window, found.joules, found.doubt, "integral_instant", extra)
            if Reason.SENSOR_BEATS_WITH_LOAD not in integrated.reasons:
                return integrated
            extra = (*extra, Reason.SENSOR_BEATS_WITH_LOAD)  # the average does not: it sees all of the power
        found = of_average(self.average, start_ns, end_ns)
        if found is not None:
            return self._judged(window, found.joules, found.doubt, "integral_average", extra)
        reasons = (*extra, *self._interruptions(*window)) or (Reason.NOT_SUPPORTED,)
        return WindowEnergy(*window, None, None, None, False, tuple(dict.fromkeys(reasons)))

    def _judged(
        self,
        window: tuple[int, int],
        joules: float,
        doubt: float,
        method: Method,
        extra: tuple[Reason, ...] = (),
        *,
        asked: tuple[int, int] | None = None,
    ) -> WindowEnergy:
        """The energy with the other sensors' word on it; what happened where edges have moved from is told too."""
        start_ns, end_ns = window
        evidence = self._sensors.evidence(
            start_ns, end_ns, newest_ns=self.newest_t_ns, joules=joules, counted=method == "counter"
        )
        if method == "counter":
            evidence = replace(evidence, pieces=tuple(pieces(self._sensors, start_ns, end_ns)))
        verdict = weigh(evidence)
        reasons = [*extra, *verdict.reasons, *self._interruptions(*(asked or window))]
        shapeless = doubt if method == "counter" else doubt - GAIN_ERROR * abs(joules)
        if shapeless > _TOO_OPEN * abs(joules):
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

    def _interruptions(self, start_ns: int, end_ns: int, *, silent_ns: int | None = None) -> tuple[Reason, ...]:
        """What is to be said of a window in which the device did not answer, or its counter began again."""
        gap = self._listening.missed(start_ns, end_ns, silent_ns)
        reset = any(start_ns <= reset <= end_ns for reset in self.counter.resets)
        return (*([Reason.GAP] * gap), *([Reason.COUNTER_RESET] * reset))

    # -- the live display

    def recent_watts(self, start_ns: int, end_ns: int) -> float | None:
        """Mean watts of a short recent span: the instant field's, else the average's, else the counter's."""
        for track in (self.instant, self.average):
            mean = track.mean(start_ns, end_ns)
            if mean is not None:
                return mean
        return self._sensors.counted_watts(start_ns, end_ns)

    def peak_watts(self, start_ns: int, end_ns: int) -> float | None:
        """The highest reading of the best power field."""
        readings = self.instant.values(start_ns, end_ns) or self.average.values(start_ns, end_ns)
        return max(readings, default=None)
