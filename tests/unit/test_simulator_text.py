import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.phrases import ANSWERS, ANYWHERE, KEYWORDS, MORE
from engine.simulator.text import BLOCK_TOKENS, Answer, count_tokens, pieces, prefix_blocks
from engine.workload import STAGE


@given(st.text(max_size=300))
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text.rstrip()


@given(st.text(max_size=60), st.text(max_size=10), st.integers(1, 400))
def test_an_answer_is_seeded_and_endless(prompt: str, key: str, tokens: int) -> None:
    one, other = Answer(prompt, key), Answer(prompt, key)
    assert one.natural_tokens == other.natural_tokens
    assert one.text(tokens) == "".join(other.token(index) for index in range(tokens))
    assert all(one.token(index) for index in range(tokens))


def test_a_token_is_about_three_quarters_of_a_word() -> None:
    answers = [Answer(prompt, "greedy") for prompt in STAGE]
    tokens = sum(answer.natural_tokens for answer in answers)
    words = sum(len(answer.text(answer.natural_tokens).split()) for answer in answers)
    assert words / tokens == pytest.approx(0.75, abs=0.06)


def test_answers_end_at_a_sentence_and_differ_in_length() -> None:
    answers = [Answer(prompt, "greedy") for prompt in STAGE]
    texts = [answer.text(answer.natural_tokens) for answer in answers]
    assert all(re.search(r"[.!]$", text) for text in texts)
    assert len({answer.natural_tokens for answer in answers}) > 20


def test_each_stage_prompt_gets_its_own_first_sentence() -> None:
    said = [line for topic in ANSWERS.values() for line in topic]
    assert len(said) == len(STAGE)
    for prompt, line in zip(STAGE, said, strict=True):
        answer = Answer(prompt, "greedy")
        assert line in answer.text(answer.natural_tokens)


def test_an_answer_repeats_no_sentence_before_its_natural_end() -> None:
    for prompt in STAGE:
        answer = Answer(prompt, "greedy")
        sentences = re.findall(r"[^.!]+[.!]", answer.text(answer.natural_tokens))
        assert len(sentences) == len(set(sentences))


def test_a_strange_prompt_gets_an_answer_of_its_topic() -> None:
    text = Answer("Which cheese goes with bread?", "greedy").text(120)
    assert any(line in text for line in MORE["food"])
    assert Answer("", "greedy").text(20)


def test_every_topic_is_whole() -> None:
    assert set(ANSWERS) == set(MORE) == set(KEYWORDS)
    lines = [line for group in (ANSWERS, MORE) for topic in group.values() for line in topic] + list(ANYWHERE)
    assert len(set(lines)) == len(lines)
    assert all(line.isascii() and line[0].isupper() and line.endswith(".") for line in lines)


def test_tokens_are_counted_as_they_are_cut() -> None:
    assert count_tokens("Why is the sky blue?") == len(pieces("Why is the sky blue?")) == 6


def test_texts_share_blocks_as_far_as_they_are_the_same() -> None:
    shared = "word " * (3 * BLOCK_TOKENS)
    one, other = prefix_blocks(shared + "and one end of it " * 9), prefix_blocks(shared + "or another end of it " * 9)
    assert one[:3] == other[:3] and one[3] != other[3]
    assert prefix_blocks("a " + shared)[1] != one[1], "a block's key is of all the text up to its end"
    assert prefix_blocks("too short for a block") == ()
