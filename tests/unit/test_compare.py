"""Verdicts: decided only when the interval leaves one out, and said in words that a hall understands."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.compare import COMPARED, Verdict, judge, judge_unpaired

POSITIVE = st.floats(0.01, 1e4)


def test_a_clear_difference_is_decided() -> None:
    verdict = judge("joules_per_token", ("A", [1.0, 1.02, 0.99, 1.01]), ("B", [0.69, 0.70, 0.69, 0.70]))
    assert verdict is not None and verdict.decided
    assert verdict.low < verdict.ratio < verdict.high < 1
    assert verdict.text.startswith("B uses 31 % less energy per token (95 % CI ")


def test_more_is_said_as_more_and_much_more_as_times() -> None:
    more = judge("joules_per_token", ("A", [1.0, 1.0, 1.0]), ("B", [1.2, 1.21, 1.19]))
    times = judge("tokens_per_second", ("A", [27.0, 28.0]), ("B", [150.0, 151.0]))
    assert more is not None and "B uses 20 % more energy per token" in more.text
    assert times is not None and times.text.startswith("B gives 5.5 times the tokens per second")


def test_noise_is_too_close_to_call() -> None:
    verdict = judge("joules_per_token", ("A", [1.0, 1.2, 0.9]), ("B", [1.1, 0.95, 1.0]))
    assert verdict is not None and not verdict.decided
    assert verdict.text == "too close to call after 6 rounds"


@pytest.mark.parametrize(("a", "b"), [([1.0], [2.0]), ([1.0, None], [2.0, 3.0]), ([], []), ([0.0, 0.0], [1.0, 1.0])])
def test_less_than_two_whole_blocks_give_no_verdict(a: list[float | None], b: list[float | None]) -> None:
    assert judge("joules_per_token", ("A", a), ("B", b)) is None


def test_an_unknown_round_takes_its_block_out_and_no_other() -> None:
    with_hole = judge("joules_per_token", ("A", [1.0, None, 1.0, 1.1]), ("B", [0.5, 0.1, 0.52, 0.5]))
    without = judge("joules_per_token", ("A", [1.0, 1.0, 1.1]), ("B", [0.5, 0.52, 0.5]))
    assert with_hole == without


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=2, max_size=12))
def test_swapping_the_arms_inverts_the_ratio(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    there = judge("joules_per_token", ("A", first), ("B", second))
    back = judge("joules_per_token", ("B", second), ("A", first))
    assert there is not None and back is not None
    assert there.ratio * back.ratio == pytest.approx(1, rel=1e-9)
    assert there.decided == back.decided


def test_arms_that_are_the_same_in_every_round_do_not_differ() -> None:
    verdict = judge("tokens_per_second", ("A", [3.0, 3.0, 3.0]), ("B", [3.0, 3.0, 3.0]))
    assert verdict is not None and not verdict.decided and verdict.more_rounds is None
    assert (verdict.ratio, verdict.low, verdict.high) == (1.0, 1.0, 1.0)


SAYINGS = {
    "joules_per_token": ("B uses 25 % more energy per token", "B uses 20 % less energy per token"),
    "joules_per_unit": ("B uses 25 % more energy per step", "B uses 20 % less energy per step"),
    "joules_per_request": ("B uses 25 % more energy per request", "B uses 20 % less energy per request"),
    "tokens_per_second": ("B gives 25 % more tokens per second", "B gives 20 % fewer tokens per second"),
    "units_per_second": ("B gives 25 % more steps per second", "B gives 20 % fewer steps per second"),
    "ttft_p50_seconds": ("B takes 25 % more time to the first token", "B takes 20 % less time to the first token"),
    "itl_p50_seconds": ("B takes 25 % more time between tokens", "B takes 20 % less time between tokens"),
    "e2e_p50_seconds": ("B takes 25 % more time for a whole answer", "B takes 20 % less time for a whole answer"),
    "seconds_to_finish": ("B takes 25 % more time for the same work", "B takes 20 % less time for the same work"),
}


@pytest.mark.parametrize("metric", COMPARED)
def test_every_metric_has_its_words(metric: str) -> None:
    few, many = [0.4, 0.401, 0.399], [0.5, 0.499, 0.501]
    for sides, saying in zip(((few, many), (many, few)), SAYINGS[metric], strict=True):
        verdict = judge(metric, ("A", sides[0]), ("B", sides[1]), unit="step")
        assert verdict is not None and verdict.text.startswith(f"{saying} (95 % CI ")


@pytest.mark.parametrize(
    ("second", "text"),
    [
        ([1.5001, 1.5, 1.4999], "B uses 50 % more energy per token (95 % CI 49.98–50.02)"),
        ([5.5001, 5.5, 5.4999], "B uses 5.5 times the energy per token (95 % CI 5.500–5.500)"),
        ([0.01, 0.004, 0.012], "B uses 99.2 % less energy per token (95 % CI 96.6–99.8)"),
        ([0.9995, 0.9996, 0.9995], "B uses 0.05 % less energy per token (95 % CI 0.03–0.06)"),
    ],
)
def test_figures_have_the_decimals_that_it_takes(second: list[float], text: str) -> None:
    verdict = judge("joules_per_token", ("A", [1.0, 1.0, 1.0]), ("B", second))
    assert verdict is not None and verdict.text == text


def test_what_is_open_says_how_many_more_rounds_it_may_take() -> None:
    verdict = judge("joules_per_token", ("A", [1.0] * 4), ("B", [0.93, 1.01, 0.93, 0.99]))
    assert verdict is not None and not verdict.decided
    assert verdict.more_rounds is not None and verdict.more_rounds % 2 == 0 and 2 <= verdict.more_rounds <= 20
    decided = judge("joules_per_token", ("A", [1.0] * 4), ("B", [0.5, 0.51, 0.5, 0.49]))
    assert decided is not None and decided.more_rounds == 0


def test_a_race_that_may_stop_early_is_judged_by_the_interval_made_for_it() -> None:
    sides = (("A", [1.0] * 5), ("B", [0.9, 0.97, 0.91, 0.98, 0.93]))
    usual = judge("joules_per_token", *sides)
    early = judge("joules_per_token", *sides, at_any_time=True)
    assert usual is not None and early is not None
    assert (usual.method, early.method) == ("paired", "anytime")
    assert usual.decided and not usual.decided_for_good and not early.decided and not early.decided_for_good
    assert (early.low, early.high) == (early.anytime_low, early.anytime_high) == (usual.anytime_low, usual.anytime_high)
    assert (
        early.low is not None and early.high is not None and early.low < (usual.low or 0) < early.ratio < 1 < early.high
    )
    assert early.more_rounds is not None and early.more_rounds > 0


def test_a_clear_difference_is_decided_for_good_after_three_blocks() -> None:
    for blocks, expected in ((2, False), (3, True)):
        sides = (("A", [1.0, 1.01, 0.99][:blocks]), ("B", [0.5, 0.51, 0.5][:blocks]))
        verdict = judge("joules_per_token", *sides, at_any_time=True)
        assert verdict is not None and verdict.decided_for_good is verdict.decided is expected
    first = judge("joules_per_token", ("A", [1.0, 1.0]), ("B", [0.5, 0.51]), at_any_time=True)
    assert first is not None and first.low is None and first.high is None and first.text.startswith("too close to call")


def test_rounds_of_different_runs_are_judged_without_pairs() -> None:
    verdict = judge_unpaired("tokens_per_second", ("1A", [100.0, 101.0, None, 99.0]), ("2B", [150.0, 150.5]))
    assert isinstance(verdict, Verdict) and verdict.decided and verdict.method == "unpaired"
    assert verdict.rounds == 2 and verdict.anytime_low is verdict.anytime_high is None
    assert verdict.text.startswith("2B gives 50 % more tokens per second (95 % CI ")
    assert judge_unpaired("tokens_per_second", ("1A", [1.0, None]), ("2A", [1.0, 2.0])) is None
    undecided = judge_unpaired("tokens_per_second", ("1A", [100.0, 90.0]), ("2A", [95.0, 105.0, 99.0]))
    assert undecided is not None and undecided.text == "too close to call after 5 rounds"


def test_a_verdict_is_plain_json() -> None:
    verdict = judge("joules_per_token", ("A", [1.0, 1.1]), ("B", [0.5, 0.9]))
    assert verdict is not None
    assert json.loads(orjson.dumps(verdict.as_dict())) == verdict.as_dict()
