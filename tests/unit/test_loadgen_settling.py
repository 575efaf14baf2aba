"""When a warm-up is over."""

import pytest

from engine.loadgen.settling import Settling


def entered(counts: list[int], *, step: int) -> list[bool]:
    settling = Settling()
    return [settling.second(tokens, step=step) for tokens in counts]


@pytest.mark.parametrize(
    ("counts", "step", "settled"),
    [
        ([1000, 1000], 8, [False, False]),  # two seconds are not enough
        ([100, 600, 1000, 1010, 990], 8, [False, False, False, False, True]),
        ([1000, 1030, 1060], 8, [False, False, False]),  # 6 % in three seconds: still rising
        ([1000, 1030, 1060], 64, [False, False, True]),  # unless that is but one step of a batch of 64
        ([9, 10, 10], 1, [False, False, True]),  # a slow arm: which second a token falls into is chance
        ([40, 8, 40], 8, [False, False, False]),
        ([0, 0, 0], 8, [False, False, False]),  # nothing is no speed
    ],
)
def test_three_seconds_have_to_agree(counts: list[int], step: int, settled: list[bool]) -> None:
    assert entered(counts, step=step) == settled


def test_an_old_second_is_forgotten() -> None:
    assert entered([1, 500, 500, 500], step=1)[-1]
