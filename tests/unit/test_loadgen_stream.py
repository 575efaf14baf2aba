from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.loadgen.stream import AnswerStream, Row, StreamFailed
from engine.simulator.shapes import Shape

texts = st.text(min_size=1, max_size=8)


def stream_of(words: list[str], **options: bool) -> bytes:
    shape = Shape(chat=True, id="chatcmpl-1", model="m", prompt_tokens=12, **options)
    data = shape.role()
    for number, word in enumerate(words, 1):
        data += shape.chunk(word, number, "length" if number == len(words) else None)
    return data + shape.end(len(words))


def feed(data: bytes, cuts: list[int]) -> tuple[AnswerStream, list[Row]]:
    stream, rows = AnswerStream(), []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for begin, end in pairwise(edges):
        rows += stream.feed(data[begin:end])
    return stream, rows


@given(st.lists(texts, min_size=1, max_size=20), st.lists(st.integers(0, 10_000), max_size=20))
def test_however_the_bytes_are_cut_the_rows_are_the_same(words: list[str], cuts: list[int]) -> None:
    stream, rows = feed(stream_of(words, include_usage=True, continuous=True), cuts)
    assert rows == [(1, word) for word in words]
    assert (stream.completion_tokens, stream.prompt_tokens) == (len(words), 12)
    assert stream.done and stream.finish_reason == "length" and not stream.estimated


def test_several_tokens_in_one_chunk_are_counted() -> None:
    shape = Shape(chat=True, id="x", model="m", prompt_tokens=3, include_usage=True, continuous=True)
    stream = AnswerStream()
    assert stream.feed(shape.role() + shape.chunk("three words here", 3, None)) == [(3, "three words here")]
    # the end-of-sequence token has no text, and is a token
    assert stream.feed(shape.chunk("", 4, "stop")) == [(1, "")]
    assert stream.completion_tokens == 4


def test_without_any_usage_chunks_are_counted_and_it_is_said() -> None:
    stream, rows = feed(stream_of(["a", "b", "c"]), [])
    assert rows == [(1, "a"), (1, "b"), (1, "c")]
    assert stream.estimated and stream.completion_tokens == 3 and stream.prompt_tokens is None


@pytest.mark.parametrize(
    ("total", "estimated", "last"),
    [
        (3, False, []),
        (4, False, [(1, "")]),  # the end-of-text token came with no chunk
        (7, True, [(4, "")]),  # chunks of several tokens: how many each brought nobody knows, only the sum
        (2, True, []),
    ],
)
def test_a_usage_at_the_end_proves_or_corrects_the_count(total: int, estimated: bool, last: list[Row]) -> None:
    shape = Shape(chat=True, id="x", model="m", prompt_tokens=12, include_usage=True)
    data = shape.role() + b"".join(shape.chunk(word, n, "stop" if n == 3 else None) for n, word in enumerate("abc", 1))
    stream, rows = feed(data + shape.end(total), [])
    assert rows == [(1, "a"), (1, "b"), (1, "c"), *last]
    assert stream.estimated is estimated
    assert (stream.completion_tokens, stream.prompt_tokens) == (total, 12)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_thinking_aloud_is_text_too(name: str) -> None:
    chunk = {"choices": [{"delta": {"content": None, name: "hm"}, "finish_reason": None}]}
    assert AnswerStream().feed(b"data: " + orjson.dumps(chunk) + b"\n\n") == [(1, "hm")]


def test_plain_completions_and_keep_alive_comments_are_understood() -> None:
    shape = Shape(chat=False, id="cmpl-1", model="m", prompt_tokens=2, include_usage=True, continuous=True)
    stream = AnswerStream()
    data = b": still here\r\n\r\n" + shape.chunk("hi", 1, "length").replace(b"\n", b"\r\n") + shape.end(1)
    assert stream.feed(data) == [(1, "hi")]
    assert stream.done


def test_an_error_in_the_stream_is_told() -> None:
    data = b"data: " + orjson.dumps({"error": {"message": "EngineDeadError", "code": 500}}) + b"\n\n"
    with pytest.raises(StreamFailed, match="EngineDeadError"):
        AnswerStream().feed(data)


@given(st.binary(max_size=60))
def test_rubbish_fails_in_one_way_only(payload: bytes) -> None:
    stream = AnswerStream()
    try:
        rows = stream.feed(b"data: " + payload + b"\n")
    except StreamFailed:
        return
    assert rows == [] and stream.completion_tokens == 0


@pytest.mark.parametrize("payload", ["3", "null", "[]", '"text"', "{}", '{"choices":3}', '{"choices":[{}]}'])
def test_json_of_another_shape_fails(payload: str) -> None:
    with pytest.raises(StreamFailed):
        AnswerStream().feed(f"data: {payload}\n".encode())
