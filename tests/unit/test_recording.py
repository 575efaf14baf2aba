"""Recordings: what was appended is there, and what was cut off says so."""

from pathlib import Path

import pytest
from story import story

from engine.documents import Document, Page, Stop, encode
from engine.errors import RecordingError, RecordingNewer
from engine.outcome import outcome, read_ledger
from engine.recording import Reader, Recorder


def write(path: Path, documents: list[Document]) -> Recorder:
    with Recorder(path) as recorder:
        for document in documents:
            recorder(document)
    return recorder


def test_what_was_told_is_what_is_read(tmp_path: Path) -> None:
    told = story()
    recorder = write(tmp_path / "deep" / "race.jsonl", told)
    reader = Reader(recorder.path)
    assert list(reader) == told
    assert reader.cut_off is None and reader.documents == len(told)
    rows = sum(len(d.t_ns) for d in told if isinstance(d, Page) and d.stream == "gpu0")
    assert recorder.counts["gpu0"] == rows
    assert list(recorder.path.parent.iterdir()) == [recorder.path], "the reserve is gone"


def test_each_document_is_in_the_file_as_soon_as_it_was_told(tmp_path: Path) -> None:
    path = tmp_path / "race.jsonl"
    with Recorder(path) as recorder:
        size = 0
        for document in story()[:20]:
            recorder(document)
            size += len(encode(document))
            assert path.stat().st_size == size == recorder.bytes_written


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "race.jsonl"
    path.write_text("precious")
    with pytest.raises(RecordingError, match="exists already"), Recorder(path):
        pass
    assert path.read_text() == "precious"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RecordingError, match=r"race\.jsonl: cannot be created"),
        Recorder(tmp_path / "file" / "race.jsonl"),
    ):
        pass


def test_every_cut_opens_up_to_the_line_before(tmp_path: Path) -> None:
    told = story()[:40]
    lines = [encode(document) for document in told]
    whole = b"".join(lines)
    for cut in range(len(lines[0]), len(whole), 97):
        path = tmp_path / "cut.jsonl"
        path.write_bytes(whole[:cut])
        reader = Reader(path)
        got = list(reader)
        assert got == told[: len(got)]
        assert sum(len(line) for line in lines[: len(got)]) <= cut
        assert reader.cut_off is not None and "cut off" in reader.cut_off


def test_a_cut_recording_gives_the_figures_of_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_bytes(b"".join(encode(d) for d in story(stop=False)) + b'{"type":"page","str')
    ledger, cut_off = read_ledger(path)
    result = outcome(ledger, cut_off)
    assert result["complete"] is False and "in the middle of a line" in result["reason"]
    assert [arm["rounds"] for arm in result["arms"]] == [2, 2]
    assert result["arms"][0]["joules_per_token"] == pytest.approx(3.0, rel=0.01)


def test_a_later_schema_is_named_politely(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    line = encode(story()[0]).replace(b'"schema_version":3', b'"schema_version":99,"future":true')
    path.write_bytes(line)
    with pytest.raises(RecordingNewer, match="schema 99, this wattrace reads up to 3; upgrade"):
        list(Reader(path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"hello\n", "line 1: not JSON"),
        (b"{}\n", "line 1: not a document"),
        (encode(Stop(t_ns=1, exit_status="success")), "first document is not a start"),
        (encode(story()[0]) * 2, "line 2: holds a second start"),
        (encode(story()[0]) + b'{"type":"page"}\n', "line 2: not a document"),
    ],
)
def test_what_is_no_recording_is_named_with_its_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordingError) as caught:
        read_ledger(path)
    assert says in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b'{"type":"start"'])
def test_a_recording_without_its_start_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="holds no documents"):
        read_ledger(path)
