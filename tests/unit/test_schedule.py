"""Turns: balanced, so that nobody always comes first, or always after the same."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.schedule import Block, alternate, blocks, pattern, together

arms = st.integers(2, 6).map(lambda size: "ABCDEF"[:size])


def row(block: Block) -> str:
    return "".join(turn.arm for turn in block.turns)


def test_two_arms_run_abba() -> None:
    found = alternate(["A", "B"], 8)
    assert [row(block) for block in found] == ["AB", "BA", "AB", "BA"]
    assert [turn.number for block in found for turn in block.turns] == list(range(1, 9))
    assert not any(block.together for block in found)


@given(arms, st.integers(1, 40))
def test_a_block_has_every_arm_once_and_its_own_numbers(labels: str, rounds: int) -> None:
    for mode in ("alternate", "parallel", "shared"):
        found = blocks(mode, list(labels), rounds)
        for block in found:
            numbers = [turn.number for turn in block.turns]
            first = (block.number - 1) * len(labels) + 1
            assert numbers == list(range(first, first + len(numbers)))
            assert {turn.block for turn in block.turns} == {block.number}
            assert len(set(row(block))) == len(block.turns)
        whole = found[:-1] if mode == "alternate" else found
        assert all(set(row(block)) == set(labels) for block in whole)
        told = sum(len(block.turns) for block in found)
        assert told == (rounds if mode == "alternate" else rounds - rounds % len(labels))


@given(arms, st.integers(1, 20))
def test_after_every_second_block_all_arms_have_had_the_same_mean_place(labels: str, pairs: int) -> None:
    turns = [turn for block in alternate(list(labels), 2 * len(labels) * pairs) for turn in block.turns]
    places = {label: sum(turn.number for turn in turns if turn.arm == label) for label in labels}
    assert len(set(places.values())) == 1


@given(arms)
def test_over_all_orders_every_arm_follows_every_other_equally_often(labels: str) -> None:
    size = len(labels)
    orders = size if size % 2 == 0 else 2 * size
    rows = [row(block) for block in alternate(list(labels), orders * size)]
    followed = Counter(pair for order in rows for pair in pairwise(order))
    assert len(followed) == size * (size - 1) and len(set(followed.values())) == 1
    placed = Counter((arm, place) for order in rows for place, arm in enumerate(order))
    assert len(placed) == size**2 and len(set(placed.values())) == 1
    assert len(set(rows)) == orders


def test_together_all_arms_of_a_block_run_and_a_rest_does_not() -> None:
    found = together(["A", "B", "C"], 7)
    assert [row(block) for block in found] == ["ABC", "ABC"]
    assert all(block.together for block in found)


def test_the_pattern_is_what_the_turns_repeat() -> None:
    assert pattern("alternate", "AB") == list("ABBA")
    assert pattern("parallel", "AB") == pattern("shared", "AB") == ["A", "B"]
    for labels in ("ABC", "ABCD", "ABCDEF"):
        repeated = pattern("alternate", labels)
        turns = [turn.arm for block in alternate(labels, 3 * len(repeated)) for turn in block.turns]
        assert turns == repeated * 3
