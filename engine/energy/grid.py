"""The grid that a driver's timer renews a field on, from brackets around the renewals that were seen. Pure.

A field that is polled tells of each renewal only that it came after the last old reading and not after the first new
one. The renewals of a timer lie on a grid, offset + n * period, which passes through every one of those brackets. All
the grids that do form a convex polygon in the plane of offset and period, each as likely as the next: its centroid is
the best guess, and its second moments say how sure any sum of times is that is read off the grid.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

FEWEST = 4
_WIDEST = 0.6
"""A bracket that is wider than this share of a period (an outage) does not say which renewal it is."""
_SLACKS = (0.01, 0.05, 0.2)
"""A reading is stamped in the middle of its call: brackets may be off by a little of their width."""


_MILLISECOND = 1_000_000
_CLOCKS_APART = 5e-6
"""By how much quartz clocks differ."""


class Bracket(NamedTuple):
    """A renewal somewhere after `after_ns` and not after `by_ns`."""

    after_ns: int
    by_ns: int

    @property
    def t_ns(self) -> int:
        """The middle: the best guess from this bracket alone."""
        return (self.after_ns + self.by_ns) // 2


class _Point(NamedTuple):
    offset: float
    period: float


@dataclass(frozen=True)
class Grid:
    """`offset` and `period` in nanoseconds, the offset from `origin_ns`; and how they vary among the grids that fit."""

    origin_ns: int
    offset: float
    period: float
    offset_variance: float
    period_variance: float
    covariance: float

    def t_ns(self, number: int) -> int:
        """When renewal `number` was."""
        return self.origin_ns + round(self.offset + number * self.period)

    def number(self, t_ns: int) -> int:
        """The renewal next to `t_ns`."""
        return round((t_ns - self.origin_ns - self.offset) / self.period)

    def deviation(self, weights: Sequence[tuple[int, float]]) -> float:
        """Standard deviation of the sum of renewals' times, each (number, weight)."""
        whole = sum(weight for _, weight in weights)
        slope = sum(number * weight for number, weight in weights)
        variance = (
            whole**2 * self.offset_variance + slope**2 * self.period_variance + 2 * whole * slope * self.covariance
        )
        return math.sqrt(max(variance, 0.0))


def fit(brackets: Sequence[Bracket]) -> Grid | None:
    """The grid through all the brackets; None where there are too few, or none passes."""
    if len(brackets) < FEWEST:
        return None
    usual = statistics.median(later.t_ns - earlier.t_ns for earlier, later in pairwise(brackets))
    brackets = [bracket for bracket in brackets if bracket.by_ns - bracket.after_ns <= _WIDEST * usual]
    if len(brackets) < FEWEST:
        return None
    origin = brackets[len(brackets) // 2].t_ns
    numbers = _numbered(brackets)
    if numbers[-1] - numbers[0] < FEWEST - 1:
        return None
    for slack in _SLACKS:
        corners = _polygon(brackets, numbers, origin, slack)
        if len(corners) > 2:
            return _moments(_whole(corners) or corners, origin)
    return None


def _numbered(brackets: Sequence[Bracket]) -> list[int]:
    """Which renewal each is, 0 for the middle one: some may not have been seen."""
    gaps = [later.t_ns - earlier.t_ns for earlier, later in pairwise(brackets)]
    # Where brackets are wide, single gaps differ much, and only their mean is the period.
    single = 1.6 * statistics.median(gaps)
    usual = statistics.fmean(gap for gap in gaps if gap <= single)
    numbers = [0]
    for gap in gaps:
        numbers.append(numbers[-1] + max(round(gap / usual), 1))
    middle = numbers[len(brackets) // 2]
    return [number - middle for number in numbers]


def _polygon(brackets: Sequence[Bracket], numbers: Sequence[int], origin: int, slack: float) -> list[_Point]:
    """The corners of all grids that pass through every bracket, each widened by a share of `slack` on either side."""
    widths = [bracket.by_ns - bracket.after_ns for bracket in brackets]
    more = slack * statistics.median(widths)
    first, last = brackets[0], brackets[-1]
    span = numbers[-1] - numbers[0]
    slow, fast = (last.by_ns - first.after_ns + 2 * more) / span, (last.after_ns - first.by_ns - 2 * more) / span
    reach = max(widths) + 2 * more
    corners = [_Point(x, y) for x, y in ((-reach, fast), (reach, fast), (reach, slow), (-reach, slow))]
    for number, bracket in zip(numbers, brackets, strict=True):
        corners = _cut(corners, number, bracket.after_ns - origin - more, 1)
        corners = _cut(corners, number, bracket.by_ns - origin + more, -1)
        if not corners:
            return []
    return corners


def _whole(corners: list[_Point]) -> list[_Point]:
    """Of these grids those of a timer that is set to whole milliseconds, on a clock that nearly agrees with ours."""
    middle = sum(corner.period for corner in corners) / len(corners)
    whole = max(round(middle / _MILLISECOND), 1) * _MILLISECOND
    slow, fast = whole * (1 + _CLOCKS_APART), whole * (1 - _CLOCKS_APART)
    flat = [_Point(-c.period, c.offset) for c in corners]
    kept = _cut(flat, 0, -slow, 1)
    kept = _cut(kept, 0, -fast, -1) if kept else kept
    return [_Point(c.period, -c.offset) for c in kept] if len(kept) > 2 else []


def _cut(corners: list[_Point], number: int, bound: float, sign: int) -> list[_Point]:
    """What of the polygon puts renewal `number` not before `bound` (sign 1) or not after it (sign -1)."""
    beyond = [sign * (corner.offset + number * corner.period - bound) for corner in corners]
    if min(beyond, default=0.0) >= 0:
        return corners
    kept: list[_Point] = []
    for index, (corner, here) in enumerate(zip(corners, beyond, strict=True)):
        before, there = corners[index - 1], beyond[index - 1]
        if (here < 0) != (there < 0):
            way = there / (there - here)
            kept.append(
                _Point(
                    before.offset + way * (corner.offset - before.offset),
                    before.period + way * (corner.period - before.period),
                )
            )
        if here >= 0:
            kept.append(corner)
    return kept


def _moments(corners: Sequence[_Point], origin: int) -> Grid:
    """Centroid and variances of a polygon, as a fan of triangles."""
    apex = corners[0]
    sides = [(corner.offset - apex.offset, corner.period - apex.period) for corner in corners[1:]]
    area = x = y = xx = yy = xy = 0.0
    for (ax, ay), (bx, by) in pairwise(sides):
        part = ax * by - bx * ay
        area += part
        x += part * (ax + bx) / 3
        y += part * (ay + by) / 3
        xx += part * (ax * ax + ax * bx + bx * bx) / 6
        yy += part * (ay * ay + ay * by + by * by) / 6
        xy += part * (2 * ax * ay + ax * by + bx * ay + 2 * bx * by) / 12
    if not area:
        return Grid(origin, apex.offset, apex.period, 0.0, 0.0, 0.0)
    x, y = x / area, y / area
    return Grid(origin, apex.offset + x, apex.period + y, xx / area - x * x, yy / area - y * y, xy / area - x * y)
