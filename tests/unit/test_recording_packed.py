"""Packed recordings: the same bytes, the same answers, and every cut or damage is told."""

import struct
from pathlib import Path

import pytest
from backports import zstd
from recordings import recorded
from story import SECOND, story

import engine.recording
from engine.errors import RecordingError
from engine.outcome import outcome, read_race
from engine.recording import Reader, check, pack, seekable


@pytest.fixture
def race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording that takes several frames."""
    monkeypatch.setattr("engine.recording.blocks.BLOCK_BYTES", 20_000)
    return recorded(tmp_path / "race.jsonl")


def test_unpacked_it_is_the_same_to_the_last_byte(race: Path) -> None:
    packed = pack(race)
    assert packed == race.with_name("race.jsonl.zst")
    assert zstd.decompress(packed.read_bytes()) == race.read_bytes()
    assert packed.stat().st_size < race.stat().st_size / 4
    assert [file.name for file in sorted(race.parent.iterdir())] == ["race.jsonl", "race.jsonl.zst"]


def test_its_table_is_that_of_zstds_seekable_format(race: Path) -> None:
    content = pack(race).read_bytes()
    count, flags, magic = struct.unpack("<IBI", content[-9:])
    head = struct.unpack("<II", content[-9 - 8 * count - 8 : -9 - 8 * count])
    sizes = [struct.unpack("<II", content[-9 - 8 * n : -9 - 8 * n + 8]) for n in range(count, 0, -1)]
    assert (flags, magic, head) == (0, 0x8F92EAB1, (0x184D2A5E, 8 * count + 9)) and count > 5
    assert sum(stored for stored, _ in sizes) == len(content) - 17 - 8 * count
    assert sum(size for _, size in sizes) == race.stat().st_size
    position = 0
    for stored, size in sizes:
        if size:
            assert len(zstd.decompress(content[position : position + stored])) == size
        position += stored


def test_every_reader_takes_it_like_the_original(race: Path) -> None:
    packed = pack(race)
    plain, other = engine.recording.open(race), engine.recording.open(packed)
    assert other.summary() == plain.summary() and other.cut_off is None
    assert list(other.documents()) == list(plain.documents())
    assert check(packed).verdict == "good"
    assert outcome(read_race(packed).ledger, None) == plain.summary()
    for begin in range(0, 18 * SECOND, SECOND):
        window = {"from_ns": begin, "to_ns": begin + SECOND // 2}
        assert list(other.documents(**window)) == list(plain.documents(**window))


def test_a_window_is_read_without_reading_the_rest(race: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = engine.recording.open(pack(race))
    read = []
    frame = seekable.read_frame
    monkeypatch.setattr("engine.recording.blocks.read_frame", lambda *a: read.append(a[1]) or frame(*a))
    assert list(packed.documents(from_ns=9 * SECOND, to_ns=9 * SECOND + 1))
    assert 0 < len(read) <= 2
    fresh, read[:] = engine.recording.open(packed.path), []
    assert len(fresh.samples("power_instant_watts", from_ns=9 * SECOND, to_ns=9 * SECOND + 10**8)) > 5
    assert 0 < len(read) <= 3, "descriptors are found by the index too"


def test_descriptors_are_the_same_by_the_index_and_without_one(
    race: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = engine.recording.open(race).descriptors
    assert list(plain) == ["gpu0", "text.A", "text.B"]
    assert engine.recording.open(pack(race)).descriptors == plain
    monkeypatch.setattr("engine.recording.packing.Index", lambda blocks, _: seekable.Index(blocks, None))
    older = engine.recording.open(pack(race, tmp_path / "older.zst"))
    assert older.descriptors == plain


@pytest.mark.parametrize("tail", [b"", b'{"type":"page","str'])
def test_what_was_cut_off_is_packed_as_it_is(tmp_path: Path, tail: bytes) -> None:
    whole = recorded(tmp_path / "whole.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "cut.jsonl"
    path.write_bytes(b"".join(whole[:-1]) + tail)
    packed = pack(path)
    assert zstd.decompress(packed.read_bytes()) == path.read_bytes()
    assert engine.recording.open(packed).cut_off == engine.recording.open(path).cut_off
    assert list(Reader(packed)) == story()[:-1]


def test_a_packed_file_that_was_cut_gives_what_is_left_and_says_so(race: Path, tmp_path: Path) -> None:
    content, told = pack(race).read_bytes(), list(Reader(race))
    path = tmp_path / "cut.zst"
    most = 0
    for cut in range(3000, len(content) - 300, 1777):
        path.write_bytes(content[:cut])
        reader = Reader(path)
        got = list(reader)
        assert got == told[: len(got)]
        # A cut behind the last frame takes nothing but the index.
        assert (reader.cut_off is None) == (len(got) == len(told))
        if got:
            assert list(engine.recording.open(path).documents(from_ns=0, to_ns=SECOND))
        most = max(most, len(got))
    assert most > len(told) // 2


def test_damage_is_an_error_and_no_other_number(race: Path, tmp_path: Path) -> None:
    content = bytearray(pack(race).read_bytes())
    content[len(content) // 2] ^= 4
    path = tmp_path / "damaged.zst"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="compressed form is damaged"):
        list(Reader(path))
    with pytest.raises(RecordingError, match="packed form is damaged"):
        list(engine.recording.open(path).documents(from_ns=0, to_ns=18 * SECOND))
    assert check(path).verdict == "wrong"


def test_nothing_is_overwritten_or_packed_twice(race: Path) -> None:
    packed = pack(race)
    before = packed.read_bytes()
    with pytest.raises(RecordingError, match="exists already"):
        pack(race)
    with pytest.raises(RecordingError, match="is packed already"):
        pack(packed)
    with pytest.raises(RecordingError, match="cannot be written"):
        pack(race, Path("/proc/nowhere.zst"))
    assert packed.read_bytes() == before


def test_what_is_no_recording_is_not_packed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello\n")
    with pytest.raises(RecordingError, match="line 1: not JSON"):
        pack(path)
    assert list(tmp_path.iterdir()) == [path]
