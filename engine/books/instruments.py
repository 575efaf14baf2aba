"""What an arm's rounds are measured with: its devices, their condition, and what is known against their figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.conditions import Condition, ConditionTrack
from engine.devices import Devices
from engine.validity import Reason

NOT_ATTRIBUTABLE = frozenset({Reason.SHARED_DEVICE, Reason.REMOTE_SERVER, Reason.FOREIGN_PROCESS})
"""The energy of these windows is not one arm's alone."""


@dataclass(frozen=True)
class Flag:
    """A reason that somebody told, for a span of the run (`end_ns` None: still open), one device, one arm, or all."""

    reason: Reason
    begin_ns: int
    end_ns: int | None = None
    device: str | None = None
    arm: str | None = None

    def is_like(self, other: "Flag") -> bool:
        """Whether both are about the same thing: one with an end closes an open one that it is like."""
        return (self.reason, self.device, self.arm) == (other.reason, other.device, other.arm)

    def touches(self, start_ns: int, end_ns: int) -> bool:
        """Whether it is about any part of the window."""
        return self.begin_ns <= end_ns and (self.end_ns is None or self.end_ns >= start_ns)


@dataclass(frozen=True)
class Instruments:
    """Those of one arm."""

    devices: Devices = field(default_factory=lambda: Devices(()))
    conditions: Sequence[ConditionTrack] = ()
    idle_watts: float | None = None
    flags: Sequence[Flag] = ()

    def reasons(self, start_ns: int, end_ns: int) -> list[Reason]:
        """What was told of the window."""
        return list(dict.fromkeys(flag.reason for flag in self.flags if flag.touches(start_ns, end_ns)))

    def condition(self, start_ns: int, end_ns: int) -> Condition:
        """The devices' condition over the window: the first one's, or whichever is hotter, with all their reasons."""
        found = [track.over(start_ns, end_ns) for track in self.conditions]
        if not found:
            return Condition()
        hottest = max(found, key=lambda condition: condition.temperature_celsius_max or 0.0)
        reasons = dict.fromkeys(reason for condition in found for reason in condition.reasons)
        return Condition(
            hottest.temperature_celsius_mean,
            hottest.temperature_celsius_max,
            hottest.clock_sm_megahertz_mean,
            tuple(reasons),
        )


def attributable(reasons: Iterable[str]) -> bool:
    """Whether a device's energy under these reasons is the arm's own."""
    return not NOT_ATTRIBUTABLE & set(reasons)
