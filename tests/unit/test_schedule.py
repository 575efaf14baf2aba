"""Turns: balanced, so that nobody always comes first."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.schedule import alternate


def test_two_arms_run_abba() -> None:
    turns = alternate(["A", "B"], 8)
    assert "".join(turn.arm for turn in turns) == "ABBAABBA"
    assert [turn.number for turn in turns] == list(range(1, 9))


@given(st.integers(2, 6), st.integers(1, 20))
def test_whole_blocks_give_every_arm_as_many_turns_and_the_same_mean_place(arms: int, blocks: int) -> None:
    labels = "ABCDEF"[:arms]
    turns = alternate(labels, 2 * arms * blocks)
    assert set(Counter(turn.arm for turn in turns).values()) == {2 * blocks}
    places = {label: sum(turn.number for turn in turns if turn.arm == label) for label in labels}
    assert len(set(places.values())) == 1
