"""Verdicts: decided only when the interval leaves one out, and said in words that a hall understands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.compare import judge, student_t_95

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


def test_the_quantile_falls_towards_the_normal_one() -> None:
    values = [student_t_95(degrees) for degrees in range(1, 300)]
    assert values == sorted(values, reverse=True)
    assert values[0] == 12.706 and values[-1] == 1.980
