"""The likeliest course of the power between two counter ticks. Pure.

The instant field tells the power of the sensor's windows (25 of every 100 ms on an H100), the counter how much energy
went in all. What happened in the gaps between windows is not known; the simplest course is taken: at most one step in
each gap, from the power before it to the power after it, at the time that makes the whole come out as counted. Loads
that switch on and off as inference does are met exactly where no gap holds two switches. Where no such course fits,
the rest is spread evenly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.clock import NS

_STEP_GUESS = 0.05
"""How much of a step's swing is in doubt where one step in each gap explains the counter's rise."""

_STRADDLE_GUESS = 1.2
"""Share of what a window that lies across a step may hide."""

_EDGE_SECONDS = 5e-4
"""An update is seen only at the next poll, so a window's edges are off by about half a millisecond."""

Piece = tuple[int, int, float]
"""From, to (nanoseconds), watts."""


@dataclass(frozen=True)
class _Gap:
    """A time between two of the sensor's windows, and the power on either side of it."""

    begin_ns: int
    end_ns: int
    before: float
    after: float

    @property
    def least(self) -> float:
        """Joules if it was at the lower power all the time."""
        return min(self.before, self.after) * (self.end_ns - self.begin_ns) / NS

    @property
    def most(self) -> float:
        """Joules if it was at the higher power all the time."""
        return max(self.before, self.after) * (self.end_ns - self.begin_ns) / NS

    def stepped(self, high_share: float) -> list[Piece]:
        """One step, placed so that the higher power lasts for `high_share` of the gap."""
        span = self.end_ns - self.begin_ns
        first = high_share if self.before > self.after else 1 - high_share
        step_ns = self.begin_ns + round(first * span)
        return [(self.begin_ns, step_ns, self.before), (step_ns, self.end_ns, self.after)]


@dataclass(frozen=True)
class Course:
    """Pieces from one tick to the next, and the joules in them whose place in time is a guess."""

    pieces: list[Piece]
    guessed_joules: float

    def share(self, t_ns: int) -> float:
        """Which share of the energy had come by `t_ns`."""
        total = sum(watts * (end - begin) for begin, end, watts in self.pieces)
        before = sum(watts * (min(end, t_ns) - begin) for begin, end, watts in self.pieces if begin < t_ns)
        return before / total if total > 0 else 0.0

    def watts(self, t_ns: int) -> float:
        """The power at `t_ns`."""
        return next((watts for begin, end, watts in self.pieces if begin <= t_ns <= end), 0.0)


def even_course(begin_ns: int, end_ns: int, joules: float) -> Course:
    """All of it spread evenly: nothing is known of its place."""
    return Course([(begin_ns, end_ns, joules * NS / max(end_ns - begin_ns, 1))], joules)


def course(begin_ns: int, end_ns: int, joules: float, seen: Sequence[Piece]) -> Course:
    """The course from `begin_ns` to `end_ns` that comes to `joules`; `seen` are the sensor's windows around it."""
    inside = [(max(b, begin_ns), min(e, end_ns), w) for b, e, w in seen if e > begin_ns and b < end_ns]
    gaps = list(_gaps(begin_ns, end_ns, seen))
    near = [piece for piece in seen if piece[1] > begin_ns - (end_ns - begin_ns) and piece[0] < 2 * end_ns - begin_ns]
    rest = joules - sum(watts * (end - begin) / NS for begin, end, watts in inside)
    least, most = sum(gap.least for gap in gaps), sum(gap.most for gap in gaps)
    if most > least and least <= rest <= most:
        high_share = (rest - least) / (most - least)
        stepped = [piece for gap in gaps for piece in gap.stepped(high_share)]
        swings = [gap.most - gap.least for gap in gaps]
        # One step is placed by the energy; of two nobody knows which of them came when.
        shared = sum(swings) - max(swings)
        powers = [piece[2] for piece in near]
        edges = _EDGE_SECONDS * (max(powers) - min(powers))
        doubt = _STEP_GUESS * sum(swings) + 0.35 * shared + edges + sum(map(_straddled, near, near[1:], near[2:]))
        return Course(sorted([*inside, *stepped]), doubt)
    open_ns = sum(gap.end_ns - gap.begin_ns for gap in gaps)
    if rest < 0 or open_ns == 0:
        return even_course(begin_ns, end_ns, joules)
    watts = rest * NS / open_ns
    unexplained = max(least - rest, rest - most)
    return Course(sorted([*inside, *((gap.begin_ns, gap.end_ns, watts) for gap in gaps)]), unexplained)


def _straddled(before: Piece, window: Piece, after: Piece) -> float:
    """Joules in doubt because a window itself lies across a step: its power is then neither side's."""
    low, high = sorted((before[2], after[2]))
    inner = min(window[2] - low, high - window[2])
    return _STRADDLE_GUESS * inner * (window[1] - window[0]) / NS if inner > 0.1 * (high - low) else 0.0


def _gaps(begin_ns: int, end_ns: int, seen: Sequence[Piece]) -> Iterator[_Gap]:
    """The parts of the time that no window covers."""
    if not seen:
        return
    first, last = seen[0], seen[-1]
    bounds = [(begin_ns, begin_ns, first[2]), *seen, (end_ns, end_ns, last[2])]
    for (_, left_ns, before), (right_ns, _, after) in pairwise(bounds):
        begin, end = max(left_ns, begin_ns), min(right_ns, end_ns)
        if end > begin:
            yield _Gap(begin, end, before, after)
