"""The recordings of a folder: what a list says of each, and that nothing goes which is kept, growing or unknown."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from recordings import recorded
from story import start, story

from engine.documents import Stop
from engine.errors import RecordingError
from engine.library import Entry, Rules, Wanted, find, keep, listed, plan, prune, read_entry, replace
from engine.library.ends import newest_line
from engine.recording import pack

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def run(folder: Path, name: str, *, day: int = 21, stop: Stop | None = None, cut: bool = False, **about: Any) -> Path:
    """A recording of that day of November 2026, last written long ago."""
    provenance = {"devices": {"devices": [{"index": 0, "name": about.pop("gpu", "NVIDIA H100 80GB HBM3")}]}}
    first = start().model_copy(
        update={"run": name, "utc": f"2026-11-{day}T09:30:12Z", "provenance": provenance, **about}
    )
    documents = [first, *story(rounds="", stop=False)[1:]]
    ending = [] if cut else [stop or Stop(t_ns=2_000_000_000, exit_status="success")]
    path = recorded(folder / f"{name}.jsonl", [*documents, *ending])
    os.utime(path, (1e9, 1e9))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One recording of every kind."""
    run(tmp_path, "good")
    run(tmp_path, "real", day=20, simulated={"power": False, "arms": False}, gpu="NVIDIA L4")
    run(tmp_path, "other", day=19, demo={"name": "eager-vs-graphs"})
    run(tmp_path, "aborted", day=18, stop=Stop(t_ns=1, exit_status="abort", reason="stopped by the presenter"))
    run(tmp_path, "cut", day=17, cut=True)
    os.truncate(run(tmp_path, "half", day=16), 3000)
    os.utime(tmp_path / "half.jsonl", (1e9, 1e9))
    pack(run(tmp_path, "packed", day=15)).rename(tmp_path / "small.jsonl.zst")
    (tmp_path / "bad.jsonl").write_text("hello\n")
    os.utime(tmp_path / "bad.jsonl", (1e9, 1e9))
    (tmp_path / "notes.txt").write_text("not a recording")
    (tmp_path / ".hidden.jsonl").write_text("neither is this")
    return tmp_path


def names(entries: list[Entry]) -> list[str]:
    return [entry.path.name.partition(".")[0] for entry in entries]


def test_each_is_told_by_its_first_and_last_line(folder: Path) -> None:
    entries = {entry.path.name.partition(".")[0]: entry for entry in listed(folder)}
    assert {name: entry.state for name, entry in entries.items()} == {
        "good": "complete", "real": "complete", "other": "complete", "aborted": "aborted", "cut": "cut off",
        "half": "cut off", "packed": "complete", "small": "complete", "bad": "unreadable",
    }  # fmt: skip
    good, packed = entries["good"], entries["small"]
    assert (good.run, good.demo, good.gpu, good.simulated) == ("good", "story", "NVIDIA H100 80GB HBM3", True)
    assert good.arms == ("one", "two") and good.seconds == 2.0 and good.problem is None
    assert good.bytes == (folder / "good.jsonl").stat().st_size
    assert (packed.run, packed.seconds, packed.state) == ("packed", 2.0, "complete") and packed.bytes < good.bytes
    assert entries["aborted"].problem == "stopped by the presenter" and entries["cut"].seconds is None
    assert entries["bad"].run is None and "not JSON" in (entries["bad"].problem or "")


def test_the_newest_comes_first(folder: Path) -> None:
    assert names(listed(folder)) == ["good", "real", "other", "aborted", "cut", "half", "small", "packed", "bad"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(demo="eager-vs-graphs"), ["other"]),
        (Wanted(gpu="l4"), ["real"]),
        (Wanted(simulated=False), ["real"]),
        (Wanted(since=date(2026, 11, 20), until=date(2026, 11, 20)), ["real"]),
        (Wanted(complete=False, until=date(2026, 11, 30), demo="story"), ["aborted", "cut", "half"]),
        (Wanted(kept=True), ["cut"]),
        (Wanted(simulated=True, complete=True, since=date(2026, 11, 21)), ["good"]),
    ],
)
def test_filters(wanted: Wanted, found: list[str], folder: Path) -> None:
    keep(folder / "cut.jsonl")
    assert names(listed(folder, wanted)) == found


def test_a_file_that_was_written_to_just_now_may_still_grow(tmp_path: Path) -> None:
    path = run(tmp_path, "growing", cut=True)
    os.utime(path)
    assert read_entry(path).state == "recording"
    assert read_entry(path, now=datetime.now(UTC) + timedelta(minutes=5)).state == "cut off"


def test_the_last_line_is_found_however_long_it_is(tmp_path: Path) -> None:
    for length in (0, 1, 16_383, 16_384, 70_000, 300_000):
        (tmp_path / "file").write_bytes(b"first\n" + b"x" * length + b"\n")
        assert newest_line(tmp_path / "file") == b"x" * length + b"\n"
    (tmp_path / "file").write_bytes(b"first\nsecond")
    assert newest_line(tmp_path / "file") == b"second"
    (tmp_path / "file").write_bytes(b"")
    assert newest_line(tmp_path / "file") == b""


def test_a_packed_one_that_was_cut_off_says_so(folder: Path) -> None:
    path = folder / "small.jsonl.zst"
    os.truncate(path, path.stat().st_size - 40)
    assert read_entry(path).state == "complete"  # its table is gone, its lines are not
    os.truncate(path, path.stat().st_size // 2)
    os.utime(path, (1e9, 1e9))
    assert read_entry(path).state in ("cut off", "unreadable")


def test_kept_ones_are_found_by_run_or_path(folder: Path) -> None:
    keep(find(folder, "good"))
    keep(find(Path("/nowhere"), str(folder / "cut.jsonl")))
    assert names(listed(folder, Wanted(kept=True))) == ["good", "cut"]
    keep(folder / "good.jsonl", on=False)
    keep(folder / "good.jsonl", on=False)
    assert names(listed(folder, Wanted(kept=True))) == ["cut"]
    with pytest.raises(RecordingError, match="no such run"):
        find(folder, "nobody")


def test_too_old_ones_would_go_but_never_what_is_kept_growing_or_unknown(folder: Path) -> None:
    keep(folder / "other.jsonl")
    os.utime(folder / "cut.jsonl")
    found = plan(listed(folder), Rules(days=10.5), now=NOW)
    assert sorted(names([entry for entry, _ in found.going])) == ["aborted", "half", "packed", "real", "small"]
    assert found.bytes_freed + found.bytes_left == sum(entry.bytes for entry in listed(folder))
    assert {path.name for path in folder.iterdir()} >= {"aborted.jsonl", "half.jsonl"}  # a plan deletes nothing


def test_the_oldest_go_until_the_rest_is_small_enough(folder: Path) -> None:
    entries = [entry for entry in listed(folder) if entry.state != "unreadable"]
    sizes = sum(entry.bytes for entry in entries)
    oldest = [entry for entry in entries if entry.run == "packed"]
    most = sizes - sum(entry.bytes for entry in oldest)
    assert plan(entries, Rules(gigabytes=sizes / 1e9), now=NOW).going == []
    found = plan(entries, Rules(gigabytes=most / 1e9), now=NOW)
    assert {entry.run for entry, _ in found.going} == {"packed"} and found.bytes_left == most
    assert plan(entries, Rules(gigabytes=0), now=NOW).bytes_left == 0


def test_what_cannot_be_met_is_told(folder: Path) -> None:
    keep(folder / "good.jsonl")
    found = plan(listed(folder), Rules(gigabytes=0), now=NOW)
    kept = (folder / "good.jsonl").stat().st_size + (folder / "bad.jsonl").stat().st_size
    assert found.bytes_left == found.too_much_bytes == kept


def test_pruning_leaves_what_was_kept_or_has_grown_since_the_plan(folder: Path) -> None:
    found = plan(listed(folder), Rules(gigabytes=0), now=NOW)
    keep(folder / "good.jsonl")
    with (folder / "cut.jsonl").open("ab") as file:
        file.write(b"{")
    gone = prune(found)
    left = {path.name for path in folder.iterdir()} - {"notes.txt", ".hidden.jsonl"}
    assert left == {"good.jsonl", "good.jsonl.kept", "cut.jsonl", "bad.jsonl"}
    assert len(gone) == len(found.going) - 2


def test_a_packed_copy_is_kept_with_its_original_and_without_it(folder: Path) -> None:
    plain = folder / "good.jsonl"
    keep(plain)
    packed = pack(plain)
    assert read_entry(packed).kept
    replace(plain, packed)
    assert not plain.exists() and read_entry(packed).kept
    prune(plan(listed(folder), Rules(gigabytes=0), now=NOW))
    assert packed.exists(), "it is the only copy of what is kept"
    keep(packed, on=False)
    assert not list(folder.glob("*.kept"))


def test_a_copy_elsewhere_takes_the_mark_along(folder: Path) -> None:
    plain = folder / "good.jsonl"
    keep(plain)
    elsewhere = pack(plain, folder / "talk.jsonl.zst")
    assert not read_entry(elsewhere).kept
    replace(plain, elsewhere)
    assert read_entry(elsewhere).kept and [file.name for file in folder.glob("*.kept")] == ["talk.jsonl.kept"]
    with pytest.raises(RecordingError, match="cannot be deleted"):
        replace(plain, elsewhere)


def test_nothing_goes_without_rules(folder: Path) -> None:
    assert not Rules() and plan(listed(folder), Rules(), now=NOW).going == []


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        listed(tmp_path / "none")
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read_entry(tmp_path / "none")
