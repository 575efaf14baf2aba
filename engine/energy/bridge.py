"""The energy that a counter lost at a reset: what went from its last tick before to its first one after. Pure.

The power fields tell it, as well as they told what went between the ticks before. So they are asked about those too:
what they were off by on average is taken off, and the worst of the rest says how sure the answer is. A load that beats
with the instant field is then no worse than any other.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from engine.clock import NS
from engine.energy.places import Tick
from engine.energy.power import PowerTrack

_JUDGES = 24
"""Ticks before the reset that the power fields are judged by."""

_FEWEST_JUDGES = 4
_MOST_TICKS = 4
"""The stretches that a field is judged by are no longer than this; what it is off by grows with the length."""

_WORST = 0.75
"""Standard deviation over the worst miss among the judges: even spreads have 0.58 of it, and there are few judges."""

_BLIND_TICKS = 3
"""The counter's own mean power may stand for so many ticks, and for no longer."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Joules with their standard deviation; not `known`: nobody saw what went, and the joules are a guess."""

    joules: float
    deviation: float
    known: bool = True


@dataclass(frozen=True, slots=True)
class Witness:
    """A power field, and how much later than the power that it tells of a reading stands there."""

    track: PowerTrack
    lag_ns: int

    def joules(self, begin_ns: int, end_ns: int) -> float | None:
        """Of the stretch, as this field has it; None where it did not see nine tenths of it."""
        begin, end = begin_ns + self.lag_ns, end_ns + self.lag_ns
        until = min(end, max(self.track.read_ns or end_ns, end_ns))
        found = self.track.integral(begin, until) if until > begin else None
        return None if found is None else found * (end - begin) / (until - begin)


def lost_joules(ticks: Sequence[Tick], period_ns: int | None, after: Tick, witnesses: Sequence[Witness]) -> Estimate:
    """What went between the last of `ticks` and the tick `after`, by the first witness who saw it."""
    before, period = ticks[-1], period_ns or NS
    length = max(after.t_ns - before.t_ns, 1)
    judges = ticks[-_JUDGES:]
    for witness in witnesses:
        told = witness.joules(before.t_ns, after.t_ns)
        if told is not None:
            return _judged(told, length, judges, witness, period)
    rises = [later.joules - earlier.joules for earlier, later in _stretches(judges, 1)]
    count = length / period
    mean = statistics.fmean(rises) if rises else 0.0
    spread = statistics.pstdev(rises) if rises else 0.0
    known = len(rises) >= _FEWEST_JUDGES and count <= _BLIND_TICKS
    return Estimate(mean * count, spread * count, known)


def _judged(told: float, length_ns: int, judges: Sequence[Tick], witness: Witness, period_ns: int) -> Estimate:
    ticks = min(max(round(length_ns / period_ns), 1), _MOST_TICKS)
    off_watts = []
    for earlier, later in _stretches(judges, ticks):
        said = witness.joules(earlier.t_ns, later.t_ns)
        if said is not None:
            off_watts.append((later.joules - earlier.joules - said) * NS / max(later.t_ns - earlier.t_ns, 1))
    seconds = length_ns / NS
    if len(off_watts) < _FEWEST_JUDGES:
        # Nothing to judge it by: it may have been as far off as the field has moved.
        values = witness.track.values(judges[0].t_ns, judges[-1].t_ns + 2 * length_ns) or [0.0]
        return Estimate(told, (max(values) - min(values)) * seconds / 2)
    usual = statistics.fmean(off_watts)
    worst = max(abs(off - usual) for off in off_watts)
    return Estimate(max(told + usual * seconds, 0.0), _WORST * worst * seconds)


def _stretches(ticks: Sequence[Tick], count: int) -> list[tuple[Tick, Tick]]:
    return list(zip(ticks, ticks[count:], strict=False))
