"""How noisy the readings of a power field are, while the power itself moves. Pure."""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

_LEVEL_NOISE = 0.01
"""Differences between readings up to this share of the power may be noise."""

_FEW, _USUAL = 3, 4
"""So many differences tell something; what is above so many times their median is a step."""

_MANY, _CLIMBING = 8, 0.7
"""The power climbs where so many differences of differences leave no more than this share of the noise."""


def noise_watts(watts: Sequence[float]) -> float:
    """Standard deviation of one of some readings in a row, from those between which the power is steady or climbs
    steadily; half of what may be noise where they are too few."""
    most = _LEVEL_NOISE * statistics.fmean(watts)
    steps = [abs(b - a) / math.sqrt(2) for a, b in pairwise(watts)]
    bends = [abs(a - 2 * b + c) / math.sqrt(6) for a, b, c in zip(watts, watts[1:], watts[2:], strict=False)]
    steady, climbing = ([each for each in some if each <= most] for some in (steps, bends))
    noise = _deviation(steady, most)
    if len(climbing) >= _MANY and (less := _deviation(climbing, most)) < _CLIMBING * noise:
        return less
    return noise


def _deviation(differences: Sequence[float], most: float) -> float:
    """Standard deviation of normal noise from absolute values of it, a little more where they are few."""
    if len(differences) < _FEW:
        return most / 2
    usual = [each for each in differences if each <= _USUAL * statistics.median(differences)]
    return statistics.fmean(usual) * math.sqrt(math.pi / 2) * (1 + 1 / len(usual))
