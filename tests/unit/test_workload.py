from collections import Counter
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from engine.workload import LONGEST_PROMPT, STAGE, PromptOrder, prompts_hash

seeds = st.integers(0, 2**31 - 1)


def test_the_stage_set_is_large_short_and_without_twins() -> None:
    assert len(STAGE) >= 64
    assert len(set(STAGE)) == len(STAGE)
    assert all(0 < len(prompt) < LONGEST_PROMPT for prompt in STAGE)
    assert all(prompt.isascii() and prompt[-1] in "?." for prompt in STAGE)


@given(seeds, st.integers(1, 300))
def test_the_same_seed_gives_the_same_order(seed: int, count: int) -> None:
    assert list(islice(PromptOrder(seed), count)) == list(islice(PromptOrder(seed), count))


@given(seeds, st.integers(1, 4))
def test_every_pass_asks_each_prompt_once(seed: int, passes: int) -> None:
    order = PromptOrder(seed)
    for _ in range(passes):
        assert Counter(islice(order, len(STAGE))) == Counter(STAGE)


def test_seeds_and_passes_differ() -> None:
    order = PromptOrder(7)
    first, second = list(islice(order, 64)), list(islice(order, 64))
    assert first != second
    assert first != list(islice(PromptOrder(8), 64))


def test_the_hash_tells_the_set_and_its_order() -> None:
    assert prompts_hash() == prompts_hash(STAGE)
    assert len(prompts_hash()) == 64
    assert prompts_hash(STAGE[::-1]) != prompts_hash()
