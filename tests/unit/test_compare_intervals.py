"""Intervals: right as often as they say in races whose truth is known, however often one looks where that is said."""

import math
from itertools import count
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from simulated_races import Nature, documents, race, rounds, values

from engine.compare import (
    anytime_half_width,
    anytime_interval,
    blocks_wanted,
    decided_for_good,
    log_evidence,
    log_ratios,
    student_half_width,
    student_interval,
    student_t_95,
    welch_interval,
)
from engine.ledger import Ledger

RACES = 1000
LOGS = st.lists(st.floats(-5, 5), min_size=2, max_size=30)


def ledger_of(told: object) -> Ledger:
    ledger = Ledger()
    for document in told:
        ledger.add(document)
    return ledger


@pytest.mark.parametrize("ratio", [0.9, 1.3])
def test_the_interval_covers_the_true_ratio_in_95_races_of_100(ratio: float) -> None:
    random, nature = Random(1), Nature(ratio=ratio)
    found = [student_interval(log_ratios(*race(random, 6, nature))) for _ in range(RACES)]
    covered = sum(abs(interval.middle - math.log(ratio)) <= interval.half for interval in found)
    assert 0.93 * RACES <= covered <= 0.97 * RACES


def test_equal_arms_are_seldom_called_different() -> None:
    random, nature = Random(2), Nature(ratio=1.0)
    called = sum(student_interval(log_ratios(*race(random, 6, nature))).excludes_zero for _ in range(RACES))
    assert 0 < called <= 0.07 * RACES


def test_through_the_ledger_the_intervals_cover_as_well() -> None:
    random, nature, races = Random(3), Nature(), 120
    verdicts = [
        ledger_of(documents(random, rounds(random, 3, nature))).verdicts("joules_per_token")[0] for _ in range(races)
    ]
    covered = sum((v.low or 0) <= nature.ratio <= (v.high or 0) for v in verdicts)
    # At 95 %, less than 106 of 120 come up in one such test of 500, and so do all 120.
    assert 106 <= covered < 120


def test_the_simulated_values_are_those_that_the_ledger_makes_of_the_same_rounds() -> None:
    random = Random(4)
    told = rounds(random, 10, Nature())
    ledger = ledger_of(documents(random, told))
    for label, expected in zip("AB", values(random, told), strict=True):
        # Both count whole tokens between ticks: of some 230 tokens, one more or less and 5 ms at either side.
        assert ledger.values(label, "joules_per_token") == pytest.approx(expected, rel=0.012)


def test_stopping_at_the_first_decision_for_good_calls_equal_arms_different_in_5_races_of_100_at_most() -> None:
    random, nature = Random(5), Nature(ratio=1.0)
    found = [log_ratios(*race(random, 40, nature)) for _ in range(RACES)]
    called = sum(any(decided_for_good(logs[:blocks]) for blocks in range(2, 41)) for logs in found)
    assert 0 < called <= 0.05 * RACES
    some = found[: RACES // 4]
    peeked = sum(any(student_interval(logs[:blocks]).excludes_zero for blocks in range(2, 41)) for logs in some)
    assert peeked > 0.2 * len(some), "the interval for a fixed number of rounds is not for stopping"


def test_the_anytime_interval_covers_the_truth_at_the_moment_of_stopping() -> None:
    random, nature, covered, stopped = Random(6), Nature(ratio=0.96), 0, 0
    for _ in range(RACES):
        found = log_ratios(*race(random, 40, nature))
        first = next((n for n in range(2, 41) if decided_for_good(found[:n])), None)
        stopped += first is not None
        interval = anytime_interval(found[:first])
        covered += abs(interval.middle - math.log(nature.ratio)) <= interval.half
    assert stopped > 0.9 * RACES
    assert covered >= 0.95 * RACES


@pytest.mark.parametrize("logs", [[0.3, 0.5, 0.2], [0.1, -0.2, 0.15, 0.05, 0.3], [2.0, 2.1, 1.8, 2.2]])
def test_the_evidence_is_the_average_likelihood_ratio(logs: list[float]) -> None:
    """Its closed form against the two integrals it stands for: over the spread, and over normal effects."""
    blocks, sharpness = len(logs), 0.1
    width = 6 / math.sqrt(sharpness)
    effects = [width * (k / 400 - 1) for k in range(801)]
    above = below = 0.0
    for step in [math.exp(-8 + 16 * k / 400) for k in range(401)]:
        plain = step**-blocks * math.exp(-sum(x * x for x in logs) / (2 * step * step))
        below += plain
        weights = [math.exp(-sharpness * e * e / 2) for e in effects]
        squares = [sum((x / step - e) ** 2 for x in logs) for e in effects]
        mixed = sum(w * math.exp(-q / 2) for w, q in zip(weights, squares, strict=True)) / sum(weights)
        above += step**-blocks * mixed
    assert log_evidence(logs) == pytest.approx(math.log(above / below), abs=0.01)


@given(LOGS)
def test_the_anytime_interval_ends_where_the_evidence_is_20_to_1(logs: list[float]) -> None:
    assume(stdev(logs) > 1e-6)
    interval = anytime_interval(logs)
    if math.isinf(interval.half):
        assert len(logs) < 3 and log_evidence(logs, interval.middle + 1e6) < math.log(20)
        return
    for end in (interval.middle - interval.half, interval.middle + interval.half):
        assert log_evidence(logs, end) == pytest.approx(math.log(20), rel=1e-6)
    assume(abs(log_evidence(logs) - math.log(20)) > 1e-6)
    assert decided_for_good(logs) == (log_evidence(logs) > math.log(20))


@given(LOGS, st.floats(-2, 2), st.floats(0.01, 100))
def test_the_intervals_follow_shift_and_scale(logs: list[float], shift: float, scale: float) -> None:
    """A sensor with another gain gives the same ratio; doubled logarithms give a doubled interval."""
    assume(stdev(logs) > 1e-6)
    for interval in (student_interval, anytime_interval):
        plain, moved = interval(logs), interval([scale * x + shift for x in logs])
        assert moved.half == pytest.approx(scale * plain.half, rel=1e-6)
        assert moved.middle == pytest.approx(scale * plain.middle + shift, rel=1e-6, abs=1e-9)


def test_what_may_be_looked_at_any_time_is_wider_and_narrows() -> None:
    assert [anytime_half_width(blocks) for blocks in (1, 2)] == [math.inf, math.inf]
    widths = [anytime_half_width(blocks) for blocks in range(3, 200)]
    assert widths == sorted(widths, reverse=True) and widths[-1] < 0.27
    assert all(anytime_half_width(blocks) > student_half_width(blocks) for blocks in range(2, 200))


@pytest.mark.parametrize("logs", [[], [0.1], [0.1, 0.1]])
def test_fewer_than_three_blocks_decide_nothing_for_good(logs: list[float]) -> None:
    assert not decided_for_good(logs)


def test_welch_s_interval_is_that_of_the_textbook() -> None:
    """Spreads of 1 and 2, 4 and 8 values: 0.75 of variance, and 0.75² / (0.25²/3 + 0.5²/7) = 9.96 degrees."""
    first, second = spread_out(4, 0.0, 1.0), spread_out(8, 1.0, 2.0)
    interval = welch_interval(first, second)
    assert interval.middle == pytest.approx(1.0)
    assert interval.half == pytest.approx(student_t_95(9) * math.sqrt(0.75))
    assert welch_interval([1.0, 1.0], [2.0, 2.0]).half == 0


def spread_out(number: int, mean: float, spread: float) -> list[float]:
    """So many values with just this mean and spread."""
    plain = [float(k) for k in range(number)]
    return [mean + spread * (x - fmean(plain)) / stdev(plain) for x in plain]


def test_the_number_of_blocks_wanted_decides_four_races_of_five() -> None:
    random, spread, middle = Random(7), 0.03, 0.02
    wanted = blocks_wanted(spread_out(4, middle, spread), student_half_width)
    assert wanted is not None
    decided = sum(
        student_interval([random.gauss(middle, spread) for _ in range(wanted)]).excludes_zero for _ in range(RACES)
    )
    assert 0.75 * RACES < decided < 0.85 * RACES
    later = blocks_wanted(spread_out(4, middle, spread), anytime_half_width)
    assert later is not None and later > wanted


@pytest.mark.parametrize("logs", [[0.1, 0.3], [0.1, -0.1, 0.2, -0.2], spread_out(5, 0.001, 0.1)])
def test_nobody_can_know_from_two_blocks_or_of_next_to_no_difference(logs: list[float]) -> None:
    assert blocks_wanted(logs, student_half_width) is None


def test_the_quantile_falls_towards_the_normal_one() -> None:
    rows = [student_t_95(degrees) for degrees in range(1, 300)]
    assert rows == sorted(rows, reverse=True)
    assert rows[0] == 12.706 and rows[-1] == 1.980
    assert student_t_95(9.96) == student_t_95(9) and student_t_95(39.9) == student_t_95(30.5)
    assert next(degrees for degrees in count(1) if student_t_95(degrees) < 2) == 120
