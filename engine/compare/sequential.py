"""An interval that stays true however often one looks at it, for races that stop once they are decided. Pure.

The evidence against a mean is how many times better the blocks so far are explained by some other mean: a likelihood
ratio, averaged over effects (difference over spread) that are normal with variance 1 / `SHARPNESS`, free of the
spread itself. Where the mean is true it is a martingale that begins at 1, so by Ville's inequality it ever reaches
20 in at most one race of 20. H. Wang and A. Ramdas, "Anytime-valid t-tests and confidence sequences for Gaussian
means with unknown variance", arXiv 2310.03722, theorem 4.9; docs/statistics.md derives it.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from engine.compare.interval import Interval

ERROR = 0.05
SHARPNESS = 0.1
"""Small: made for effects of several spreads, as most races have, which it can then decide after three blocks."""


def log_evidence(log_ratios: Sequence[float], mean: float = 0.0) -> float:
    """The logarithm of the evidence against `mean` in two or more blocks' log-ratios, which are not all the same."""
    blocks, shrink = len(log_ratios), _shrink(len(log_ratios))
    t = math.sqrt(blocks) * (fmean(log_ratios) - mean) / stdev(log_ratios)
    r = t * t / (blocks - 1)
    return 0.5 * math.log(shrink) + 0.5 * blocks * (math.log1p(r) - math.log1p(shrink * r))


def anytime_half_width(blocks: int) -> float:
    """Half the interval after `blocks`, in units of their spread: where the evidence is 1 / `ERROR`.

    Infinite as long as no difference, however large, would have that much evidence.
    """
    shrink = _shrink(blocks)
    goal = (ERROR**2 * shrink) ** (-1 / blocks)  # what (1 + r) / (1 + shrink * r) has to reach; it ends at 1 / shrink
    if goal * shrink >= 1:
        return math.inf
    r = (goal - 1) / (1 - goal * shrink)
    return math.sqrt(r * (blocks - 1) / blocks)


def anytime_interval(log_ratios: Sequence[float]) -> Interval:
    """The means that two or more blocks' evidence does not speak against by 20 to 1."""
    half_width = anytime_half_width(len(log_ratios))
    return Interval(fmean(log_ratios), half_width * stdev(log_ratios) if half_width < math.inf else math.inf)


def decided_for_good(log_ratios: Sequence[float]) -> bool:
    """Whether a race may stop here: the interval that may be looked at after every block excludes equality."""
    return len(log_ratios) >= 2 and anytime_interval(log_ratios).excludes_zero


def _shrink(blocks: int) -> float:
    return SHARPNESS / (blocks + SHARPNESS)
