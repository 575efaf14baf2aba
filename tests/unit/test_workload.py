from collections import Counter
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.text import count_tokens
from engine.workload import LONGEST_PROMPT, STAGE, PromptOrder, prompts_hash, sent_text

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


def test_the_hash_tells_what_is_sent_and_its_order() -> None:
    assert prompts_hash() == prompts_hash("stage", STAGE)
    assert len(prompts_hash()) == 64
    assert prompts_hash("stage", STAGE[::-1]) != prompts_hash()
    assert prompts_hash("handbook") != prompts_hash("stage")


def test_handbook_prompts_share_one_long_beginning_and_end_with_the_question() -> None:
    texts = [sent_text("handbook", question) for question in STAGE]
    assert [text.splitlines()[-1] for text in texts] == list(STAGE)
    shared = {text.removesuffix(question) for text, question in zip(texts, STAGE, strict=True)}
    assert len(shared) == 1
    # with an answer of the usual length it has to fit the CPU arms' 2,048 tokens, by any tokeniser
    assert 1000 < count_tokens(shared.pop()) < 1600
    assert sent_text("stage", STAGE[0]) == STAGE[0]
