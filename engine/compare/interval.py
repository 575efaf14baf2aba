"""An interval of a mean logarithm, and how many blocks it takes to make one narrow enough. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

_Z_80 = 0.842
"""The normal distribution's 80 % quantile: the race is to be decided four times out of five."""

_MOST_BLOCKS = 500
"""A difference that would take longer to see is none that a race can show."""


@dataclass(frozen=True)
class Interval:
    """From `middle - half` to `middle + half`; an infinite `half` says nothing yet."""

    middle: float
    half: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the two sides differ, by this interval."""
        return abs(self.middle) > self.half

    @property
    def ratios(self) -> tuple[float | None, float | None]:
        """Both bounds as ratios; None where they are beyond what anybody could mean."""
        if self.half > 100:
            return None, None
        return math.exp(self.middle - self.half), math.exp(self.middle + self.half)


def blocks_wanted(log_ratios: Sequence[float], half_width: Callable[[int], float]) -> int | None:
    """How many blocks would decide four races out of five, were the truth what it seems now.

    `half_width` says how wide the interval is after so many blocks, in spreads. None where nobody can know: fewer
    than three blocks, a ratio of exactly one, or more than 500 blocks.
    """
    if len(log_ratios) < 3:
        return None
    middle, spread = abs(fmean(log_ratios)), stdev(log_ratios)
    numbers = range(len(log_ratios), _MOST_BLOCKS + 1)
    enough = (n for n in numbers if (half_width(n) + _Z_80 / math.sqrt(n)) * spread < middle)
    return next(enough, None)
