"""Verdicts: what the rounds of two arms say about their ratio. Pure: numbers in, a sentence out.

Each block of the schedule pairs the k-th round of one arm with the k-th of the other, so that slow drifts (the room,
the GPU's warmth) cancel. The logarithms of the blocks' ratios are taken as normal, and the interval is Student's t:
with few blocks a bootstrap would have too few values to draw from, and ratios are symmetric only as logarithms.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

# Student's t, two-sided 95 %, for 1 to 30 degrees of freedom (any table of the distribution); beyond, 40, 60, 120.
_T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_T_95_BEYOND = ((120, 1.980), (60, 2.000), (40, 2.021), (30, 2.042))

_WORDS = {
    "joules_per_token": ("uses", "energy per token"),
    "tokens_per_second": ("gives", "tokens per second"),
}


@dataclass(frozen=True)
class Verdict:
    """Contender over baseline in `metric`: the `ratio` and its interval from `low` to `high`."""

    metric: str
    baseline: str
    contender: str
    ratio: float
    low: float
    high: float
    confidence: float
    decided: bool
    rounds: int
    text: str

    def as_dict(self) -> dict[str, Any]:
        """The fields, as JSON has them."""
        return asdict(self)


def student_t_95(degrees: int) -> float:
    """The two-sided 95 % quantile of Student's t; between table rows, the wider one."""
    if degrees <= len(_T_95):
        return _T_95[degrees - 1]
    return next(t for floor, t in _T_95_BEYOND if degrees >= floor)


def judge(
    metric: str, baseline: tuple[str, Sequence[float | None]], contender: tuple[str, Sequence[float | None]]
) -> Verdict | None:
    """The verdict from each arm's label and its rounds' values; None before two whole blocks.

    A round without a value (None, or not above zero) takes its block out, never the others.
    """
    ratios = [
        math.log(second / first)
        for first, second in zip(baseline[1], contender[1], strict=False)
        if first is not None and second is not None and first > 0 and second > 0
    ]
    if len(ratios) < 2:
        return None
    middle = statistics.fmean(ratios)
    half = student_t_95(len(ratios) - 1) * statistics.stdev(ratios) / math.sqrt(len(ratios))
    ratio, low, high = math.exp(middle), math.exp(middle - half), math.exp(middle + half)
    decided = low > 1 or high < 1
    text = _sentence(metric, contender[0], ratio, low, high) if decided else _undecided(len(ratios))
    return Verdict(
        metric=metric,
        baseline=baseline[0],
        contender=contender[0],
        ratio=ratio,
        low=low,
        high=high,
        confidence=0.95,
        decided=decided,
        rounds=len(ratios),
        text=text,
    )


def _undecided(blocks: int) -> str:
    return f"too close to call after {2 * blocks} rounds"


def _sentence(metric: str, label: str, ratio: float, low: float, high: float) -> str:
    verb, quantity = _WORDS[metric]
    if ratio >= 2:
        return f"{label} {verb} {ratio:.1f} times the {quantity} (95 % CI {low:.1f}–{high:.1f})"
    change = abs(ratio - 1)
    nearest, farthest = sorted((abs(low - 1), abs(high - 1)))
    word = "more" if ratio > 1 else ("fewer" if metric == "tokens_per_second" else "less")
    return f"{label} {verb} {_percent(change)} {word} {quantity} (95 % CI {_bounds(nearest, farthest)})"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.1 else f"{share * 100:.1f} %"


def _bounds(nearest: float, farthest: float) -> str:
    digits = 0 if nearest >= 0.1 and farthest - nearest >= 0.01 else 1
    return f"{nearest * 100:.{digits}f}–{farthest * 100:.{digits}f}"
