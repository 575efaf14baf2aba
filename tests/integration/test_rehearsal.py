"""The rehearsal: a real short race on simulated arms, what is kept of it, and what it says of what is missing."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine import rehearsal
from engine.config import Demo, load_demo, parse_demo
from engine.doctor import Examination, Finding
from engine.documents import Start, Stop
from engine.headless import RaceOptions
from engine.recording import Reader
from engine.rehearsal import SECONDS, Rehearsal, rehearse, shortened
from server.cli.root import app
from server.fallback_file import find_reserve

FINE = Examination("short", [Finding("disk", "ok", "room enough")], [])
SIMULATED = RaceOptions(simulate=True)


def demo(runtime: str = "simulated", more: str = "") -> Demo:
    arms = "".join(f"\n  - {{name: {name}, runtime: {runtime}{more}}}" for name in ("one", "two"))
    schedule = "schedule: {rounds: 40, round_requests: 500, baseline_seconds: 0.2, warm_up_seconds: 0}"
    return parse_demo(f"title: Short\nmodel: {{gpu: m}}\n{schedule}\narms:{arms}", file="short.yaml")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything is kept here, and a rehearsal is two seconds long."""
    monkeypatch.setenv("WATTRACE_DATA", str(tmp_path))
    monkeypatch.setattr(rehearsal, "SECONDS", 2.0)
    return tmp_path


def left(data: Path) -> list[str]:
    return sorted(file.name for file in (data / "fallback").iterdir())


@pytest.mark.parametrize("name", ["batch-1-vs-8", "concurrency-ladder", "kv-cache-fp16-vs-fp8"])
def test_a_shortened_demo_has_two_turns_of_each_arm_in_the_given_time(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "SECONDS", SECONDS)
    _, whole = load_demo(name)
    brief = shortened(whole).schedule
    assert brief.rounds == 2 * len(whole.arms) and brief.rounds * brief.round_seconds == pytest.approx(SECONDS)
    assert brief.round_requests is None and brief.mode == whole.schedule.mode
    assert shortened(whole).arms == whole.arms and shortened(whole).workload == whole.workload


async def test_a_good_rehearsal_is_what_takes_over(data: Path) -> None:
    found = await rehearse("short", shortened(demo()), FINE, SIMULATED)
    assert found.ok, found.missing
    assert left(data) == ["short.jsonl"] and found.kept == data / "fallback" / "short.jsonl"
    documents = list(Reader(found.kept))
    assert isinstance(documents[0], Start) and isinstance(documents[-1], Stop)
    assert documents[-1].exit_status == "success"
    assert any("a race went through" in sentence for sentence in found.ready)
    reserve = find_reserve("short", data)
    assert reserve is not None and reserve.file == found.kept and reserve.simulated


def test_the_command_says_that_the_fallback_is_ready_and_how_to_begin(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "SECONDS", 8.0)
    file = data / "short.yaml"
    file.write_text(
        "title: Short\nmodel: {gpu: m}\nschedule: {baseline_seconds: 0.2, warm_up_seconds: 0}\narms:\n"
        "  - {name: one, runtime: simulated}\n  - {name: two, runtime: simulated}\n"
    )
    told = CliRunner().invoke(app, ["rehearse", str(file), "--simulate"])
    assert told.exit_code == 0, told.output
    assert left(data) == ["short.jsonl"]
    words = " ".join(told.output.split())
    assert "a race went through" in words and "wattrace demo" in words and "--simulate" in words


async def test_where_the_machine_is_not_ready_nothing_is_raced(data: Path) -> None:
    problem = Finding("driver", "problem", "no NVIDIA driver", "install one")
    found = await rehearse("short", shortened(demo()), Examination("short", [problem], []), SIMULATED)
    assert not found.ok and found.missing == ["this machine: no NVIDIA driver"]
    assert found.raced is None and not (data / "fallback").exists()


async def test_a_race_that_fails_leaves_the_older_recording(data: Path) -> None:
    (data / "fallback").mkdir()
    older = data / "fallback" / "short.jsonl"
    older.write_text("older")
    broken = shortened(demo("openai", ", url: 'http://127.0.0.1:9/v1', model: m"))
    found = await rehearse("short", broken, FINE, RaceOptions())
    assert not found.ok and found.kept is None and "the race:" in found.missing[0]
    assert left(data) == ["short.jsonl"] and older.read_text() == "older"


@pytest.mark.parametrize(("older", "newer", "stays"), [(False, True, True), (False, False, False), (True, True, False)])
def test_a_simulated_race_does_not_take_a_real_one_s_place(
    tmp_path: Path, older: bool, newer: bool, stays: bool
) -> None:
    place, raw = written(tmp_path / "kept.jsonl", "older", older), written(tmp_path / "raw.jsonl", "newer", newer)
    found = Rehearsal(FINE)
    rehearsal._keep(found, raw, place)
    first = next(iter(Reader(place)))
    assert isinstance(first, Start) and first.run == ("older" if stays else "newer")
    assert found.kept == place and len(found.ready) == 1 and found.ok


def written(path: Path, run: str, simulated: bool) -> Path:
    start = Start(run=run, utc="", seed=1, demo={}, arms=[], provenance={}, simulated={"power": simulated})
    path.write_text(start.model_dump_json() + "\n")
    return path
