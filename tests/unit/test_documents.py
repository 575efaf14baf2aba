"""Documents: encode and decode are exact inverses, and what is no document is refused with its place."""

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

import engine.documents as documents_module
from engine.documents import (
    ArmInfo,
    Column,
    Descriptor,
    Document,
    Mark,
    MarkKind,
    Page,
    Start,
    Stop,
    decode,
    encode,
    json_schema,
)
from engine.errors import RecordingError

int64 = st.integers(-(2**63), 2**63 - 1)
time_ns = st.integers(0, 2**63 - 1)
number = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(codec="utf-8"), max_size=20)
json_value = st.recursive(
    st.none() | st.booleans() | int64 | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
json_object = st.dictionaries(text, json_value, max_size=4)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    times = sorted(draw(st.lists(time_ns, max_size=6)))
    cell = st.none() | int64 | number | text
    column = st.lists(cell, min_size=len(times), max_size=len(times))
    return Page(stream=draw(text), t_ns=times, data=draw(st.dictionaries(text, column, max_size=3)))


starts = st.builds(
    Start,
    run=text,
    utc=text,
    seed=int64,
    demo=json_object,
    arms=st.lists(st.builds(ArmInfo, label=text, name=text, runtime=text, requested=json_object), max_size=3),
    provenance=json_object,
    simulated=st.dictionaries(text, st.booleans(), max_size=2),
)
descriptors = st.builds(
    Descriptor,
    stream=text,
    t_ns=time_ns,
    source=text,
    columns=st.dictionaries(
        text, st.builds(Column, unit=text, kind=st.sampled_from(["gauge", "counter", "text"])), max_size=3
    ),
    device=st.none() | text,
    unsupported=st.dictionaries(text, text, max_size=2),
)
marks = st.builds(
    Mark,
    kind=st.sampled_from(MarkKind),
    t_ns=time_ns,
    end_t_ns=st.none() | time_ns,
    arm=st.none() | text,
    round=st.none() | int64,
    text=st.none() | text,
    data=json_object,
)
stops = st.builds(
    Stop,
    t_ns=time_ns,
    exit_status=st.sampled_from(["success", "abort", "fail"]),
    reason=text,
    counts=st.dictionaries(text, int64, max_size=3),
    arms=st.lists(json_object, max_size=2),
)
documents = st.one_of(starts, descriptors, pages(), marks, stops)
VALIDATOR = Draft202012Validator(json_schema())


@given(documents)
def test_decode_is_the_inverse_of_encode(document: Document) -> None:
    line = encode(document)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert decode(line) == document
    assert encode(decode(line)) == line


@given(documents)
def test_every_document_fits_the_published_schema(document: Document) -> None:
    VALIDATOR.validate(orjson.loads(encode(document)))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_one_clear_error(line: bytes) -> None:
    try:
        decode(line, path="f.jsonl", number=3)
    except RecordingError as error:
        assert str(error).startswith("f.jsonl, line 3: ")


@pytest.mark.parametrize(
    "change",
    [
        {"t_ns": [1, 2]},
        {"t_ns": [-1]},
        {"t_ns": [2**63]},
        {"t_ns": [1.5]},
        {"t_ns": [True]},
        {"data": {"power_instant_watts": [True]}},
        {"data": {"power_instant_watts": [[1.0]]}},
        {"surprise": 1},
        {"type": "pages"},
    ],
)
def test_what_is_no_page_is_refused(change: dict[str, Any]) -> None:
    good = {"type": "page", "stream": "gpu0", "t_ns": [1], "data": {"power_instant_watts": [1.0]}}
    decode(orjson.dumps(good))
    with pytest.raises(RecordingError, match="not a document"):
        decode(orjson.dumps({**good, **change}))


def test_time_never_falls_within_a_page() -> None:
    with pytest.raises(ValueError, match="falls"):
        Page(stream="gpu0", t_ns=[2, 1], data={})


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_number_that_json_lacks_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Page(stream="gpu0", t_ns=[1], data={"power_instant_watts": [bad]})


# -- pages and marks that are taken without pydantic


def as_pydantic(line: bytes) -> Document | None:
    """The document as pydantic takes it; None where it refuses."""
    try:
        return documents_module._ADAPTER.validate_python(orjson.loads(line))
    except (ValidationError, orjson.JSONDecodeError):
        return None


def as_decoded(line: bytes) -> Document | None:
    try:
        return decode(line)
    except RecordingError:
        return None


@given(st.lists(pages(), min_size=1, max_size=4), marks)
def test_what_is_taken_at_once_is_what_pydantic_takes(some: list[Page], mark: Mark) -> None:
    for document in (*some, *some, mark):  # the second time a page's shape is known
        line = encode(document)
        quick, careful = decode(line), as_pydantic(line)
        assert quick == careful and careful == quick and encode(quick) == line
        assert quick.model_fields_set == careful.model_fields_set


GOOD_PAGE = b'{"type":"page","stream":"gpu0","t_ns":[1,2],"data":{"a":[1.5,2.5],"b":[3,4]}}'
GOOD_MARK = b'{"type":"mark","kind":"note","t_ns":5,"arm":"A","round":1,"data":{"code":"x","n":3}}'
TOKENS = [
    b"1",
    b"-",
    b".5",
    b"e9",
    b",",
    b"[",
    b"]",
    b"null",
    b"true",
    b'"x"',
    b"9" * 19,
    b"9" * 20,
    b"{}",
    b"",
    b"_ns1",
]


@given(st.sampled_from([GOOD_PAGE, GOOD_MARK]), st.data())
def test_a_line_that_is_changed_anywhere_meets_both_ways_alike(line: bytes, data: st.DataObject) -> None:
    decode(GOOD_PAGE)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(line)))
        line = line[:at] + data.draw(st.sampled_from(TOKENS)) + line[at + data.draw(st.integers(0, 3)) :]
    quick, careful = as_decoded(line), as_pydantic(line)
    assert quick == careful and repr(quick) == repr(careful)


@pytest.mark.parametrize(
    "line",
    [
        GOOD_PAGE.replace(b"[3,4]", b"[3,null]"),
        GOOD_PAGE.replace(b"[3,4]", b"[3,9223372036854775808]"),
        GOOD_PAGE.replace(b"[3,4]", b"[3,true]"),
        GOOD_PAGE.replace(b"[1,2]", b"[2,1]"),
        GOOD_PAGE.replace(b"[1,2]", b"[-1,2]"),
        GOOD_PAGE.replace(b"[1,2]", b"[1,2.0]"),
        GOOD_PAGE.replace(b'"t_ns"', b'"t_ns1"'),
        GOOD_PAGE.replace(b"[3,4]", b"[3,4,5]"),
        GOOD_PAGE.replace(b"[1,2]", b"[]").replace(b"[3,4]", b"[]").replace(b"[1.5,2.5]", b"[]"),
        GOOD_MARK.replace(b'"note"', b'"nonsense"'),
        GOOD_MARK.replace(b'"note"', b"[]"),
        GOOD_MARK.replace(b":5,", b":-5,"),
        GOOD_MARK.replace(b":5,", b":5.0,"),
        GOOD_MARK.replace(b'"A"', b"1"),
        GOOD_MARK.replace(b'"round":1', b'"round":9223372036854775808'),
        GOOD_MARK.replace(b'"round":1', b'"end_t_ns":-1'),
    ],
)
def test_unusual_lines_meet_both_ways_alike(line: bytes) -> None:
    decode(GOOD_PAGE)
    quick, careful = as_decoded(line), as_pydantic(line)
    assert quick == careful and repr(quick) == repr(careful)
