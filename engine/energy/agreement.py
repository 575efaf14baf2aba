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
class Beside:
    """The average and another sensor over the same whole seconds, in watts."""

    average_watts: float
    other_watts: float
    explained_watts: float
    """How far apart they may be because their edges are, and because the other does not see all."""
    instead: bool = False
    """Whether the instant field stands in for the average, which there is none of."""

    @property
    def contradicts(self) -> bool:
        """Whether one of them must be wrong."""
        return abs(self.average_watts - self.other_watts) > _ALIKE * self.average_watts + self.explained_watts


@dataclass(frozen=True)
class Evidence:
    """What the sensors said of one window; unknown is None."""

    seconds: float
    joules: float | None
    counted: bool
    """Whether `joules` comes from the counter."""
    instant_watts: float | None
    instant_travel_watts: float
    placing_watts: float
    """How far off the counter's mean power may be since nobody knows quite when it ticked."""
    blind_seconds: float
    """How much of each update period the instant field does not see."""
    unheard_watts: float
    """How far off the instant field's mean may be for what was not heard of it."""
    average_watts: float | None
    beside: tuple[Beside, ...]
    """The average with the counter, or with the instant field where the joules are not the counter's."""
    tick_seconds: float
    pieces: tuple[Beside, ...] = ()
    """The counter with the average, or with the instant field instead, over every few seconds of the window."""

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
    doubted = [each for each in (*evidence.beside, *evidence.pieces) if each.contradicts]
    if not evidence.counted or not evidence.joules or evidence.seconds <= 0:
        return Finding((Reason.SENSOR_BEATS_WITH_LOAD,) if doubted else (), 0.0)
    if doubted:
        instead = all(each.instead for each in doubted)
        return Finding((Reason.COUNTER_INSTANT_DISAGREE if instead else Reason.COUNTER_AVERAGE_DISAGREE,), 0.0)
    unseen = _unexplained_watts(evidence)
    if not unseen:
        return Finding((), 0.0)
    backed = any(not each.instead for each in (*evidence.beside, *evidence.pieces))
    return Finding((Reason.SENSOR_BEATS_WITH_LOAD if backed else Reason.COUNTER_INSTANT_DISAGREE,), unseen)


def _unexplained_watts(evidence: Evidence) -> float:
    """How far the instant field is off beyond what its blind time explains; 0 when that is all."""
    if evidence.instant_watts is None or evidence.joules is None:
        return 0.0
    watts = evidence.joules / evidence.seconds
    off = abs(evidence.instant_watts - watts)
    # A change between two readings may have come at any time in between.
    explained = evidence.instant_travel_watts * (evidence.blind_seconds + evidence.tick_seconds) / evidence.seconds
    return off if off > _STEADY * watts + explained + evidence.placing_watts + evidence.unheard_watts else 0.0
