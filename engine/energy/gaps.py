"""The instant field's windows and the gaps between them, in which the power may step. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from engine.clock import NS

LOOSE_NS = 500_000
"""How closely a step is placed at best: updates and ticks are placed within about half a millisecond."""

_ALIKE = 0.25
"""Changes that differ by less than this share of themselves belong to one slope."""

_SLOPE_GAPS = 3
"""Gaps that must change alike to be a slope; two may be a step that lies inside a window."""

_CLIMB = 0.25
"""What goes on changing by more than this share of a step, on either side of it, is no plateau."""


class Piece(NamedTuple):
    """One of the sensor's windows: from, to (nanoseconds), and the mean power in it."""

    begin_ns: int
    end_ns: int
    watts: float

    @property
    def middle_ns(self) -> int:
        """Its middle."""
        return (self.begin_ns + self.end_ns) // 2

    def overlaps(self, begin_ns: float, end_ns: float) -> bool:
        """Whether any of it lies between the two times."""
        return self.end_ns > begin_ns and self.begin_ns < end_ns

    def within_ns(self, begin_ns: float, end_ns: float) -> float:
        """How long it looks between the two times."""
        return max(min(self.end_ns, end_ns) - max(self.begin_ns, begin_ns), 0)


class Unseen(NamedTuple):
    """What the windows do not show: a swing of the load; the holes, from and to, in which nobody looked; and the powers
    between which it may have moved there."""

    swing_watts: float = 0.0
    holes: Sequence[tuple[int, int]] = ()
    around_watts: Sequence[float] = ()


@dataclass
class Gap:
    """The time between two windows. The power steps once, from `first_ns` to `last_ns`; or it is a straight line."""

    begin_ns: int
    end_ns: int
    before: float
    after: float
    straight: bool
    first_ns: float
    last_ns: float

    def joules(self, begin_ns: float, end_ns: float) -> tuple[float, float]:
        """Least and most energy of the part of it between two times."""
        begin, end = max(begin_ns, self.begin_ns), min(end_ns, self.end_ns)
        if end <= begin:
            return 0.0, 0.0
        if self.straight:
            way = ((begin + end) / 2 - self.begin_ns) / (self.end_ns - self.begin_ns)
            exact = (self.before + way * (self.after - self.before)) * (end - begin) / NS
            return exact, exact
        found = [self._stepped(begin, end, step) for step in (self.first_ns, self.last_ns)]
        return min(found), max(found)

    def _stepped(self, begin: float, end: float, step_ns: float) -> float:
        early = min(max(step_ns - begin, 0.0), end - begin)
        return (self.before * early + self.after * (end - begin - early)) / NS

    def narrow(self, begin_ns: float, end_ns: float, least: float, most: float) -> None:
        """Keep only the steps that leave the part of it between two times `least` to `most` joules."""
        begin, end = max(begin_ns, self.begin_ns), min(end_ns, self.end_ns)
        drop = (self.before - self.after) / NS
        if self.straight or end <= begin or not drop:
            return
        all_after = self.after * (end - begin) / NS
        first, last = sorted(((least - all_after) / drop, (most - all_after) / drop))
        # A step outside of the part leaves it all at one power: only where that is ruled out is there a bound.
        if first > 0:
            self.first_ns = min(max(self.first_ns, begin + first), self.last_ns)
        if last < end - begin:
            self.last_ns = max(min(self.last_ns, begin + last), self.first_ns)

    def watts(self, t_ns: float) -> float:
        """The likeliest power at a time in it."""
        if self.straight:
            way = (t_ns - self.begin_ns) / max(self.end_ns - self.begin_ns, 1)
            return self.before + way * (self.after - self.before)
        return self.before if t_ns < (self.first_ns + self.last_ns) / 2 else self.after


def resolved(windows: Sequence[Piece], quiet_watts: float) -> tuple[list[Piece], list[Piece]]:
    """The windows with those taken out that lie across a step; and those that may do so, but nobody can tell.

    A window between two plateaus that saw a mixture of them tells just when the power stepped: the plateaus are
    stretched to that moment.
    """
    watts = [window.watts for window in windows]
    plateaus = _plateaus(watts, quiet_watts)
    rest, found, odd = list(windows), [], []  # type: list[Piece], list[Piece], list[Piece]
    for at, plateau in enumerate(plateaus):
        inner = 0 < at < len(watts) - 1 and sorted(watts[at - 1 : at + 2])[1] == watts[at]
        inner = inner and not _on_climb(watts, at)
        if plateau or not (inner and plateaus[at - 1] and plateaus[at + 1]):
            found.append(rest[at])
            odd += [] if plateau else [rest[at]]
        else:
            window, before, after = windows[at], found.pop(), rest[at + 1]
            share = (window.watts - after.watts) / (before.watts - after.watts)
            step_ns = window.begin_ns + share * (window.end_ns - window.begin_ns)
            found.append(before._replace(end_ns=round(max(step_ns - LOOSE_NS, before.end_ns))))
            rest[at + 1] = after._replace(begin_ns=round(min(step_ns + LOOSE_NS, after.begin_ns)))
    return found, odd


def _on_climb(watts: Sequence[float], at: int) -> bool:
    """Whether what looks like a step around `at` goes on before or after it."""
    step = watts[at + 1] - watts[at - 1]
    beside = [watts[b] - watts[b - 1] for b in (at - 1, at + 2) if 0 < b < len(watts)]
    return any(change * step > _CLIMB * step * step for change in beside)


def _plateaus(watts: Sequence[float], quiet_watts: float) -> list[bool]:
    """Which windows saw one power all the time: the highest or lowest around, or the same as the next one."""
    low, high = min(watts), max(watts)
    same = [False, *(abs(later - earlier) <= quiet_watts for earlier, later in pairwise(watts)), False]
    found = [min(w - low, high - w) <= quiet_watts or same[at] or same[at + 1] for at, w in enumerate(watts)]
    for at in range(1, len(watts) - 2):
        if same[at + 1] and _pulse(watts[at - 1 : at + 3], low, high, quiet_watts):
            found[at : at + 2] = [False, False]
    return found


def _pulse(four: Sequence[float], low: float, high: float, quiet_watts: float) -> bool:
    """Whether the middle two, alike and no extremes, are on one side of both their neighbours: they may be the two ends
    of a pulse that reached as far into the one as into the other."""
    before, first, second, after = four
    least, most = min(first, second), max(first, second)
    aside = max(least - max(before, after), min(before, after) - most)
    return min(least - low, high - most, aside) > quiet_watts


def gaps_between(windows: Sequence[Piece], quiet_watts: float, noise_watts: float) -> tuple[list[Piece], list[Gap]]:
    """The gaps, and what they leave of the windows: a straight line goes from the middle of one to the next's."""
    changes = [later.watts - earlier.watts for earlier, later in pairwise(windows)]
    straight = _straight(changes, quiet_watts, noise_watts)
    left, gaps = list(windows), []
    for at, (before, after) in enumerate(pairwise(windows)):
        begin, end = before.end_ns, after.begin_ns
        if straight[at]:
            begin, end = before.middle_ns, after.middle_ns
            left[at], left[at + 1] = left[at]._replace(end_ns=begin), left[at + 1]._replace(begin_ns=end)
        gaps.append(Gap(begin, end, before.watts, after.watts, straight[at], begin, end))
    return left, gaps


def _straight(changes: Sequence[float], quiet_watts: float, noise_watts: float) -> list[bool]:
    """In which gaps the power does not change, or is part of a slope (its ends change less)."""

    def alike(change: float, other: float) -> bool:
        return abs(change - other) <= _ALIKE * abs(change) + 4 * noise_watts

    found = [abs(change) <= quiet_watts for change in changes]
    for first in range(len(changes) - _SLOPE_GAPS + 1):
        run = changes[first : first + _SLOPE_GAPS]
        if all(alike(change, other) for change in run for other in run):
            found[first : first + _SLOPE_GAPS] = [True] * _SLOPE_GAPS
    sure = list(found)
    for at, change in enumerate(changes):
        for near in (at - 1, at + 1):
            if 0 <= near < len(changes) and sure[near] and change * changes[near] > 0:
                found[at] |= abs(change) <= (1 + _ALIKE) * abs(changes[near])
    return found


def joules_in(windows: Iterable[Piece], begin_ns: float, end_ns: float) -> float:
    """Joules that the windows between two times hold."""
    return sum(window.watts * window.within_ns(begin_ns, end_ns) / NS for window in windows)


def shares(windows: Sequence[Piece], gaps: Sequence[Gap], begin_ns: float, end_ns: float) -> list[float]:
    """Seconds that each window's power counts for between two times where all gaps are straight."""
    found = [window.within_ns(begin_ns, end_ns) / NS for window in windows]
    for at, gap in enumerate(gaps):
        begin, end = max(begin_ns, gap.begin_ns), min(end_ns, gap.end_ns)
        if end > begin:
            way = ((begin + end) / 2 - gap.begin_ns) / (gap.end_ns - gap.begin_ns)
            found[at] += (1 - way) * (end - begin) / NS
            found[at + 1] += way * (end - begin) / NS
    return found
