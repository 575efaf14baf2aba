"""The verdict on two arms, or two groups of them, in one metric. Pure."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from engine.compare.interval import Interval, blocks_wanted
from engine.compare.sequential import anytime_half_width, anytime_interval
from engine.compare.student import student_half_width, student_interval, welch_interval
from engine.compare.words import sentence, undecided

Method = Literal["paired", "anytime", "unpaired"]
Side = tuple[str, Sequence[float | None]]
"""An arm's label, and the values of its rounds in their order; None where one is unknown."""


@dataclass(frozen=True)
class Verdict:
    """Contender over baseline in `metric`: the `ratio` and its 95 % interval from `low` to `high`.

    `method` says which interval. `paired`: Student's, of the blocks' log-ratios, for a number of rounds that was
    fixed before. `anytime`: the one that may be looked at after every block, and stopped at. `unpaired`: Welch's, where
    rounds share no block. A bound is None as long as there is none.
    """

    metric: str
    baseline: str
    contender: str
    ratio: float
    low: float | None
    high: float | None
    confidence: float
    decided: bool
    rounds: int
    """Whole blocks, so rounds of each; unpaired, of the side that has fewer."""
    text: str
    method: Method = "paired"
    anytime_low: float | None = None
    anytime_high: float | None = None
    """The `anytime` interval beside the other; None: no bound yet, or no blocks."""
    more_rounds: int | None = None
    """About so many more, of both together, would decide; 0 when it is decided, None where nobody can know."""

    @property
    def decided_for_good(self) -> bool:
        """Whether a race may stop because of this."""
        return (self.anytime_low or 0) > 1 or (self.anytime_high or math.inf) < 1

    def as_dict(self) -> dict[str, Any]:
        """The fields, as JSON has them."""
        return asdict(self)


def log_ratios(baseline: Sequence[float | None], contender: Sequence[float | None]) -> list[float]:
    """That of every whole block: the k-th round of one arm and the k-th of the other.

    A round without a value (None, or not above zero) takes its block out, never the others.
    """
    return [
        math.log(second) - math.log(first)
        for first, second in zip(baseline, contender, strict=False)
        if first is not None and second is not None and first > 0 and second > 0
    ]


def judge(
    metric: str, baseline: Side, contender: Side, *, unit: str = "unit", at_any_time: bool = False
) -> Verdict | None:
    """The verdict on two arms that took turns, or ran side by side; None before two whole blocks.

    `at_any_time` is for a race that may stop once it is decided: its verdict is that of the `anytime` interval.
    `unit` is what the arms' work is counted in, for the text.
    """
    found = log_ratios(baseline[1], contender[1])
    if len(found) < 2:
        return None
    student, anytime = student_interval(found), anytime_interval(found)
    wanted = blocks_wanted(found, anytime_half_width if at_any_time else student_half_width)
    low, high = anytime.ratios
    return _verdict(
        metric,
        baseline[0],
        contender[0],
        anytime if at_any_time else student,
        rounds=(len(found), len(found)),
        unit=unit,
        method="anytime" if at_any_time else "paired",
        anytime_low=low,
        anytime_high=high,
        more_rounds=None if wanted is None else 2 * max(1, wanted - len(found)),
    )


def judge_unpaired(metric: str, baseline: Side, contender: Side, *, unit: str = "unit") -> Verdict | None:
    """The verdict where rounds share no block, as those of different runs; None before two rounds of each."""
    first, second = (
        [math.log(value) for value in side[1] if value is not None and value > 0] for side in (baseline, contender)
    )
    if min(len(first), len(second)) < 2:
        return None
    rounds = (len(first), len(second))
    return _verdict(
        metric, baseline[0], contender[0], welch_interval(first, second), rounds=rounds, unit=unit, method="unpaired"
    )


def _verdict(
    metric: str,
    baseline: str,
    contender: str,
    interval: Interval,
    *,
    rounds: tuple[int, int],
    unit: str,
    method: Method,
    anytime_low: float | None = None,
    anytime_high: float | None = None,
    more_rounds: int | None = None,
) -> Verdict:
    ratio, (low, high) = math.exp(interval.middle), interval.ratios
    text = undecided(sum(rounds))
    if interval.excludes_zero and low is not None and high is not None:
        text = sentence(metric, contender, ratio, low, high, unit=unit)
    return Verdict(
        metric=metric,
        baseline=baseline,
        contender=contender,
        ratio=ratio,
        low=low,
        high=high,
        confidence=0.95,
        decided=interval.excludes_zero,
        rounds=min(rounds),
        text=text,
        method=method,
        anytime_low=anytime_low,
        anytime_high=anytime_high,
        more_rounds=0 if interval.excludes_zero else more_rounds,
    )
