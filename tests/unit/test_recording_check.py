"""check: a good recording is good, and one that contradicts itself is wrong, with what and where."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from recordings import recorded
from story import SECOND, story

from engine.documents import Descriptor, Document, Mark, MarkKind, Page, Start, Stop, encode
from engine.errors import RecordingError
from engine.ledger import METHOD
from engine.recording import check, recover

Change = Callable[[list[Document]], None]


def test_a_whole_recording_is_good_and_proves_it(tmp_path: Path) -> None:
    report = check(recorded(tmp_path / "race.jsonl"))
    assert report.verdict == "good" and report.findings == [] and report.cut is None
    assert report.sealed and report.recomputed
    assert (report.rounds, report.requests, report.schema_version) == (4, 4, 3)
    assert report.streams["gpu0"].rows == 1740 and report.as_dict()["verdict"] == "good"


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        (b'"power_instant_watts":[300.0', b'"power_instant_watts":[301.0'),
        (b'"text":["x ', b'"text":["y '),
        (b'"completion_tokens":405', b'"completion_tokens":406'),
        (b'"exit_status":"success"', b'"exit_status":"abort"'),
        (b'"simulated":{"power":true', b'"simulated":{"power":false'),
        (b'"energy_joules":2340.0,"energy', b'"energy_joules":2340.5,"energy'),
    ],
)
def test_any_byte_that_was_changed_is_seen(tmp_path: Path, told: bytes, instead: bytes) -> None:
    path = recorded(tmp_path / "race.jsonl")
    content = path.read_bytes()
    assert told in content
    path.write_bytes(content.replace(told, instead, 1))
    report = check(path)
    assert report.verdict == "wrong" and "changed" in {finding.code for finding in report.findings}


def unsealed(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The story with a stop that somebody changed, who took care to leave no seal."""
    *lines, last = recorded(path).read_bytes().splitlines(keepends=True)
    stop = orjson.loads(last)
    del stop["digest"]
    change(stop)
    path.write_bytes(b"".join(lines) + orjson.dumps(stop) + b"\n")
    return path


def test_figures_that_do_not_follow_are_named_to_the_last_bit(tmp_path: Path) -> None:
    def one_bit_more(stop: dict[str, Any]) -> None:
        steady = stop["arms"][1]["per_round"][0]["steady"]
        steady["energy_joules"] = math.nextafter(steady["energy_joules"], math.inf)

    report = check(unsealed(tmp_path / "race.jsonl", one_bit_more))
    [finding] = report.findings
    assert report.verdict == "wrong" and finding.code == "figures" and finding.line == report.lines
    assert finding.text.startswith("arms.B.per_round.2.steady.energy_joules: the stop says 1560.0000000000002, from")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("attributable", lambda arm: arm.pop("attributable")),
        ("reasons", lambda arm: arm.pop("reasons")),
        ("stars", lambda arm: arm.update(stars=5)),
        ("per_round.1.steady.tokens", lambda arm: arm["per_round"][0]["steady"].pop("tokens")),
    ],
)
def test_a_figure_too_many_or_too_few_is_named(
    name: str, change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    report = check(unsealed(tmp_path / "race.jsonl", lambda stop: change(stop["arms"][0])))
    assert report.verdict == "wrong" and [finding.code for finding in report.findings] == ["figures"]
    assert report.findings[0].text.startswith(f"arms.A.{name}: the stop says ") and "nothing" in str(report.findings[0])


def test_figures_of_another_method_are_neither_good_nor_wrong(tmp_path: Path) -> None:
    other = story()
    assert isinstance(other[0], Start)
    told = {**other[0].provenance, "figures_method": METHOD + 1}
    other[0] = other[0].model_copy(update={"provenance": told})
    same = check(recorded(tmp_path / "same.jsonl", other))
    assert same.verdict == "good" and same.findings == [], "another method that finds the same"
    path = recorded(tmp_path / "race.jsonl", other)
    *lines, last = path.read_bytes().splitlines(keepends=True)
    stop = orjson.loads(last)
    stop["arms"][0]["joules_per_token"] += 1
    stop["arms"][0]["of_that_method_only"] = 1
    del stop["digest"]
    path.write_bytes(b"".join(lines) + orjson.dumps(stop) + b"\n")
    report = check(path)
    assert report.verdict == "unverified" and report.unverified and report.recomputed
    assert [(finding.weight, finding.code) for finding in report.findings] == [("warning", "method")]
    assert "1 of them differ" in report.findings[0].text


def test_without_a_seal_nothing_proves_the_bytes_and_that_is_said(tmp_path: Path) -> None:
    report = check(unsealed(tmp_path / "race.jsonl", lambda stop: None))
    assert report.verdict == "good" and not report.sealed and report.recomputed


def _first(documents: list[Document], of: type[Document], **fields: Any) -> int:
    return next(
        at
        for at, each in enumerate(documents)
        if isinstance(each, of) and all(getattr(each, name) == value for name, value in fields.items())
    )


def _drop_page(documents: list[Document]) -> None:
    del documents[_first(documents, Page, stream="text.B")]


def _page_back_in_time(documents: list[Document]) -> None:
    at = _first(documents, Page, stream="gpu0")
    documents.insert(at + 3, documents[at])


def _no_descriptor(documents: list[Document]) -> None:
    del documents[_first(documents, Descriptor, stream="gpu0")]


def _column_unknown(documents: list[Document]) -> None:
    at = _first(documents, Page, stream="gpu0")
    page = documents[at]
    assert isinstance(page, Page)
    documents[at] = page.model_copy(update={"data": {**page.data, "fan_percent": [1] * len(page.t_ns)}})


def _text_for_watts(documents: list[Document]) -> None:
    at = _first(documents, Page, stream="gpu0")
    page = documents[at]
    assert isinstance(page, Page)
    documents[at] = page.model_copy(update={"data": {**page.data, "energy_joules": ["many"] * len(page.t_ns)}})


def _round_without_end(documents: list[Document]) -> None:
    del documents[_first(documents, Mark, kind=MarkKind.ROUND_END, round=2)]


def _request_out_of_nowhere(documents: list[Document]) -> None:
    del documents[_first(documents, Mark, kind=MarkKind.REQUEST_SUBMITTED)]


def _mark_of_no_arm(documents: list[Document]) -> None:
    documents.insert(9, Mark(kind=MarkKind.ARM, t_ns=5, arm="Z", state="ready"))


def _mark_that_ends_first(documents: list[Document]) -> None:
    documents.insert(9, Mark(kind=MarkKind.NOTE, t_ns=5, end_t_ns=4))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_drop_page, None),
        (_page_back_in_time, "clock"),
        (_no_descriptor, "undescribed"),
        (_column_unknown, "columns"),
        (_text_for_watts, "kind"),
        (_round_without_end, "rounds"),
        (_request_out_of_nowhere, "requests"),
        (_mark_of_no_arm, "arms"),
        (_mark_that_ends_first, "clock"),
    ],
)
def test_what_cannot_be_is_wrong_even_where_it_is_sealed(tmp_path: Path, change: Change, code: str | None) -> None:
    documents = story()
    change(documents)
    report = check(recorded(tmp_path / "race.jsonl", documents))
    codes = {finding.code for finding in report.findings if finding.weight == "error"}
    assert codes == ({code} if code else set()), report.findings


def test_counts_that_are_not_those_of_the_rows_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "race.jsonl"
    path.write_bytes(b"".join(map(encode, story(stop=False))) + encode(_stop_counting(gpu0=7)))
    findings = check(path).findings
    texts = [finding.text for finding in findings if finding.code == "counts"]
    assert "gpu0 has 1,740 rows, the stop counts 7" in texts
    assert "figures" in {finding.code for finding in findings}, "a run that ended well tells figures"


def _stop_counting(**counts: int) -> Stop:
    return Stop(t_ns=18 * SECOND, exit_status="success", counts=counts)


def _with_period(documents: list[Document]) -> list[Document]:
    described = documents[1]
    assert isinstance(described, Descriptor) and described.stream == "gpu0"
    return [documents[0], described.model_copy(update={"nominal_period_ns": 10_000_000}), *documents[2:]]


def test_gaps_that_nobody_told_of_are_warned_of(tmp_path: Path) -> None:
    documents = _with_period(story())
    pages = [at for at, each in enumerate(documents) if isinstance(each, Page) and each.stream == "gpu0"]
    for at in reversed(pages[4:8]):  # 200 ms
        del documents[at]
    silent = check(recorded(tmp_path / "silent.jsonl", documents))
    assert silent.verdict == "good" and [f.code for f in silent.findings] == ["untold_gap"]
    assert "gpu0 has no rows for 0.210 s from 0.200 s on" in silent.findings[0].text
    gap = Mark(kind=MarkKind.GAP, t_ns=200_000_000, end_t_ns=410_000_000, data={"stream": "gpu0"})
    told = check(recorded(tmp_path / "told.jsonl", [*documents[:-1], gap, documents[-1]]))
    assert told.findings == [] and (told.streams["gpu0"].gaps, told.streams["gpu0"].untold_gaps) == (1, 0)


def test_where_it_was_cut_off_is_said(tmp_path: Path) -> None:
    content = recorded(tmp_path / "race.jsonl").read_bytes()
    path = tmp_path / "cut.jsonl"
    path.write_bytes(content[:100_000])
    report = check(path)
    lines = content[:100_000].splitlines(keepends=True)[:-1]
    assert report.verdict == "cut off" and report.cut is not None
    assert report.cut["after_line"] == len(lines) and report.cut["after_byte"] == sum(map(len, lines))
    assert report.cut["t_ns"] == report.newest_t_ns > 0


def test_what_comes_after_a_line_that_is_none_is_not_looked_at(tmp_path: Path) -> None:
    path = recorded(tmp_path / "race.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[200] = b"{}\n"
    path.write_bytes(b"".join(lines))
    report = check(path)
    assert report.verdict == "wrong" and report.lines == 200
    assert ("unreadable", 201) in {(finding.code, finding.line) for finding in report.findings}


# -- recover


@pytest.mark.parametrize("damage", ["cut in a line", "cut behind a line", "a line that is none"])
def test_what_is_recovered_is_whole_good_and_says_what_it_is(tmp_path: Path, damage: str) -> None:
    lines = recorded(tmp_path / "race.jsonl").read_bytes().splitlines(keepends=True)
    half = {"cut in a line": lines[400][:50], "cut behind a line": b"", "a line that is none": b"\0\0\0\n" + lines[401]}
    path, out = tmp_path / "cut.jsonl", tmp_path / "recovered.jsonl"
    path.write_bytes(b"".join(lines[:400]) + half[damage])
    before = path.read_bytes()
    found = recover(path, out)
    report = check(out)
    assert path.read_bytes() == before and found.documents == 400
    assert report.verdict == "good" and report.sealed and report.lines == 401
    assert out.read_bytes().startswith(b"".join(lines[:400]))
    last = orjson.loads(out.read_bytes().splitlines()[-1])
    assert last["exit_status"] == "fail" and last["reason"].startswith("recovered: ")
    with pytest.raises(RecordingError, match="exists already"):
        recover(path, out)


def test_a_whole_one_and_one_without_a_start_are_not_recovered(tmp_path: Path) -> None:
    whole, empty = recorded(tmp_path / "race.jsonl"), tmp_path / "empty.jsonl"
    empty.write_bytes(b'{"type":"sta')
    with pytest.raises(RecordingError, match="is whole: there is nothing to recover"):
        recover(whole, tmp_path / "out.jsonl")
    with pytest.raises(RecordingError, match="holds no documents"):
        recover(empty, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
