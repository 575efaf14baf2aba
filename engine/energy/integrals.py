"""Energy where there is no counter: a power field integrated, and what that leaves open. Pure.

A staircase says when its value was renewed, not when the power changed, so every step may be off by a part of the
update period; and an average of one second says nothing certain of less than one.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

from engine.clock import NS
from engine.energy.interpolation import COVERAGE
from engine.energy.power import PowerTrack

GAIN_ERROR = 0.05
"""Boards' sensors differ by up to 5 % in gain (arXiv 2312.02741); an integral has nothing to bound it better."""


@dataclass(frozen=True)
class Integral:
    """Joules of a window, and what its edges and its holes leave open of them, beside the gain."""

    joules: float
    open_joules: float

    @property
    def doubt(self) -> float:
        """The uncertainty, in joules."""
        return GAIN_ERROR * abs(self.joules) + self.open_joules


def of_instant(track: PowerTrack, start_ns: int, end_ns: int, *, lag_ns: int, until_ns: int) -> Integral | None:
    """From a field that stands `lag_ns` later than the power it tells of; `until_ns` is how far it can be known."""
    begin_ns = start_ns + lag_ns
    joules = track.integral(begin_ns, until_ns) if until_ns > begin_ns else None
    if joules is None:
        return None
    period_ns = track.period_ns() or 0
    values = track.values(begin_ns - period_ns, until_ns + period_ns)
    # The power may have changed at any time of the period before a step: they are off independently of each other.
    steps = math.sqrt(sum((later - earlier) ** 2 for earlier, later in pairwise(values)))
    unseen = _unseen_joules(track, begin_ns, until_ns)
    stretched = (end_ns - start_ns) / (until_ns - begin_ns)
    return Integral(joules * stretched, unseen + COVERAGE * steps * period_ns / NS / math.sqrt(12))


def of_average(track: PowerTrack, start_ns: int, end_ns: int, *, window_ns: int = NS) -> Integral | None:
    """From a moving average: whole windows of it add up, and the rest of the time has its share of one around it."""
    plain = track.integral(start_ns, end_ns)
    if plain is None:
        return None
    unseen = _unseen_joules(track, start_ns, end_ns)
    whole, rest_ns = divmod(end_ns - start_ns, window_ns)
    period_ns = track.period_ns() or 0

    def at(t_ns: int) -> float | None:
        # What stands there is half a period old on average, so as much of it is taken from the next.
        return track.mean(t_ns, t_ns + period_ns) if period_ns else track.at(t_ns)

    around_ns = start_ns + (rest_ns + window_ns) // 2  # the average that is about as much before the rest as after it
    found = [at(end_ns - number * window_ns) for number in range(whole)]
    rest = at(around_ns) if rest_ns else 0.0
    if rest is None:
        rest = at(start_ns + rest_ns)
    values = track.values(start_ns, end_ns + window_ns)
    swing = max(values) - min(values) if values else 0.0
    known = [watts for watts in found if watts is not None]
    if rest is None or len(known) < whole:
        return Integral(plain, unseen + swing * window_ns / NS)
    share = rest_ns / window_ns
    # All of an average's energy may have gone in the part of it that is counted here, or in the other.
    inside = share * (1 - share) * max(rest, swing) * window_ns / NS
    joules = (sum(known) + share * rest) * window_ns / NS
    return Integral(joules, unseen + inside + swing * period_ns / NS / 4)


def _unseen_joules(track: PowerTrack, start_ns: int, end_ns: int) -> float:
    """How far the mean may be off that an integral's holes carry: as far as the power has moved around them."""
    values = track.values(start_ns, end_ns)
    return track.holes_seconds(start_ns, end_ns) * (max(values) - min(values)) if values else 0.0
