"""Recordings of every schema so far, as wattrace wrote them then: today's readers take them all."""

from pathlib import Path

import orjson
import pytest

import engine.recording
from engine.documents import SCHEMA_VERSION, MarkKind, encode
from engine.ledger import METHOD
from engine.outcome import outcome, read_race
from engine.recording import check

CORPUS = Path(__file__).parents[1] / "corpus"
FILES = sorted(CORPUS.glob("schema-*.jsonl"))


def test_there_is_one_of_each_schema() -> None:
    """A new schema: race its demo, `corpus.yaml`, simulated, and put the recording beside the others."""
    found = [orjson.loads(file.read_bytes().partition(b"\n")[0])["schema_version"] for file in FILES]
    assert sorted(set(found)) == list(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_read_whole_and_gives_its_figures(file: Path) -> None:
    report = check(file)
    assert [finding for finding in report.findings if finding.code != "method"] == []
    recording = engine.recording.open(file)
    summary = recording.summary()
    assert recording.cut_off is None and summary["complete"] is True
    assert [arm["rounds"] for arm in summary["arms"]] == [1, 1]
    assert all(arm["joules_per_token"] > 0 for arm in summary["arms"])
    assert len(recording.samples("power_instant_watts")) == report.streams["gpu0"].rows > 100
    requests = recording.requests()
    assert report.requests == len(requests) and set(requests["state"]) <= {"finished", "withdrawn"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_figures_that_differ_were_worked_out_by_another_method(file: Path) -> None:
    """If this fails, figures have changed: let METHOD rise, and record the newest schema's file anew."""
    told = engine.recording.open(file).start.provenance.get("figures_method", 1)
    codes = [finding.code for finding in check(file).findings]
    assert codes == [] if told == METHOD else codes in ([], ["method"])
    assert told == METHOD or file != FILES[-1]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_the_counter_said_does_not_depend_on_the_method(file: Path) -> None:
    told = orjson.loads(file.read_bytes().splitlines()[-1])["arms"]
    race = read_race(file)
    for arm, now in zip(told, outcome(race.ledger, race.cut_off)["arms"], strict=True):
        for name in ("tokens", "energy_joules", "joules_per_token", "power_watts"):
            assert arm[name] == now[name], name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_written_again_it_is_the_same(file: Path) -> None:
    """Later fields have defaults that are left out, so that an old line comes out as it went in."""
    lines = file.read_bytes().splitlines(keepends=True)
    for line, document in zip(lines[1:], list(engine.recording.open(file).documents())[1:], strict=True):
        assert encode(document) == line


def test_a_mark_of_the_second_schema_is_in_none_of_the_first() -> None:
    marks = [mark.kind for mark in engine.recording.open(CORPUS / "schema-1.jsonl").marks]
    assert marks and MarkKind.CONTROL not in marks
