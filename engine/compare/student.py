"""Student's intervals of log-ratios, for a number of rounds that was fixed before the race. Pure."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from engine.compare.interval import Interval

# Student's t, two-sided 95 %, for 1 to 30 degrees of freedom (any table of the distribution); beyond, 40, 60, 120.
_T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_T_95_BEYOND = ((120, 1.980), (60, 2.000), (40, 2.021), (30, 2.042))


def student_t_95(degrees: float) -> float:
    """The two-sided 95 % quantile of Student's t, from one degree of freedom; between table rows, the wider one."""
    if degrees <= len(_T_95):
        return _T_95[max(1, math.floor(degrees)) - 1]
    return next(t for floor, t in _T_95_BEYOND if degrees >= floor)


def student_half_width(blocks: int) -> float:
    """Half the 95 % interval of the mean of `blocks` values, in units of their spread."""
    return student_t_95(blocks - 1) / math.sqrt(blocks)


def student_interval(log_ratios: Sequence[float]) -> Interval:
    """The 95 % interval of the mean of two or more blocks' log-ratios."""
    return Interval(fmean(log_ratios), student_half_width(len(log_ratios)) * stdev(log_ratios))


def welch_interval(baseline: Sequence[float], contender: Sequence[float]) -> Interval:
    """The 95 % interval of the difference of two means of logarithms whose spreads may differ; two or more of each."""
    sides = (baseline, contender)
    parts = [stdev(side) ** 2 / len(side) for side in sides]
    middle, variance = fmean(contender) - fmean(baseline), sum(parts)
    if variance == 0:
        return Interval(middle, 0.0)
    # Welch and Satterthwaite: as many degrees of freedom as a sum of two such variances behaves like.
    degrees = variance**2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, sides, strict=True))
    return Interval(middle, student_t_95(degrees) * math.sqrt(variance))
