"""Whether three sensors tell the same story, and if not, which of them to doubt. Pure.

The counter and the one-second average see all of the power; the instant field sees part of each update period (25 of
100 ms on an H100). So a difference to the instant field is only news when the field's own ups and downs do not explain
it: a steady reading that is wrong means that the load beats with the sensor.
"""

from dataclasses import dataclass

from engine.validity import Reason

_ALIKE = 0.04
"""Counter and average may differ by this share before anybody says so: one board's sensors share most of their gain."""

_STEADY = 0.01
"""A steady instant field may differ from the counter by this share: gain and noise."""


@dataclass(frozen=True)
class Evidence:
    """What the sensors said of one window; unknown is None."""

    seconds: float
    joules: float | None
    counted: bool
    """Whether `joules` comes from the counter."""
    instant_watts: float | None
    instant_travel_watts: float
    swing_watts: float
    """From the lowest to the highest power that the instant field, or the counter between two ticks, showed."""
    blind_seconds: float
    """How much of each update period the instant field does not see."""
    average_watts: float | None
    counted_over_average_watts: float | None
    """The counter's mean power over just the seconds that the average covers."""
    average_seconds: float
    tick_seconds: float

    @property
    def instant_joules(self) -> float | None:
        """The instant field's mean over the window's length."""
        return None if self.instant_watts is None else self.instant_watts * self.seconds

    @property
    def average_joules(self) -> float | None:
        """The average's mean over the window's length."""
        return None if self.average_watts is None else self.average_watts * self.seconds


@dataclass(frozen=True)
class Finding:
    """What is to be said, and how many watts of swing the instant field did not show."""

    reasons: tuple[Reason, ...]
    unseen_watts: float


def weigh(evidence: Evidence) -> Finding:
    """Compare what the sensors said."""
    if not evidence.counted or not evidence.joules or evidence.seconds <= 0:
        return Finding(_without_counter(evidence), 0.0)
    if _average_contradicts(evidence):
        return Finding((Reason.COUNTER_AVERAGE_DISAGREE,), 0.0)
    unseen = _unexplained_watts(evidence)
    if not unseen:
        return Finding((), 0.0)
    backed = evidence.average_watts is not None
    return Finding((Reason.SENSOR_BEATS_WITH_LOAD if backed else Reason.COUNTER_INSTANT_DISAGREE,), unseen)


def _average_contradicts(evidence: Evidence) -> bool:
    average, counted = evidence.average_watts, evidence.counted_over_average_watts
    if average is None or counted is None:
        return False
    # Each edge of the counter's seconds may be a tick away from the average's: that matters if the power changes.
    edges = 2 * evidence.tick_seconds / max(evidence.average_seconds, 1.0) * evidence.swing_watts
    return abs(average - counted) > _ALIKE * average + edges


def _unexplained_watts(evidence: Evidence) -> float:
    """How far the instant field is off beyond what its blind time explains; 0 when that is all."""
    if evidence.instant_watts is None or evidence.joules is None:
        return 0.0
    watts = evidence.joules / evidence.seconds
    off = abs(evidence.instant_watts - watts)
    # A change between two readings may have come at any time in between.
    explained = evidence.instant_travel_watts * (evidence.blind_seconds + evidence.tick_seconds) / evidence.seconds
    return off if off > _STEADY * watts + explained else 0.0


def _without_counter(evidence: Evidence) -> tuple[Reason, ...]:
    instant, average = evidence.instant_watts, evidence.average_watts
    if instant is None or average is None or evidence.average_seconds < 1:
        return ()
    explained = evidence.instant_travel_watts * evidence.blind_seconds / evidence.seconds
    apart = abs(instant - average) > _ALIKE * average + explained + average / max(evidence.seconds, 1.0) / 2
    return (Reason.SENSOR_BEATS_WITH_LOAD,) if apart else ()
