"""What is true of every format: whole or not at all, the same figures to the last bit, the same warnings."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from odd_race import odd_race
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from recordings import recorded
from story import story

from engine.documents import Page, Stop
from engine.errors import ExportError, PackageMissing, RecordingError
from engine.export import FORMATS, export
from engine.outcome import read_race
from engine.recording import pack

Told = Callable[[Path], tuple[Any, Any]]


def parquet(out: Path) -> tuple[Any, Any]:
    about = json.loads(pq.read_schema(out / "arms.parquet").metadata[b"wattrace"])
    return about["summary"]["arms"], about


def csv(out: Path) -> tuple[Any, Any]:
    about = json.loads((out / "arms.json").read_bytes())
    return about["summary"]["arms"], about


def perfetto(out: Path) -> tuple[Any, Any]:
    packets = Trace.FromString((out / "trace.pftrace").read_bytes()).packet
    (event,) = (p.track_event for p in packets if p.track_event.name == "the recording")
    notes = {note.name: note for note in event.debug_annotations}
    about = {
        "simulated": json.loads(notes["simulated"].string_value),
        "complete": notes["complete"].bool_value,
        "cut_off": notes["cut_off"].string_value if "cut_off" in notes else None,
    }
    return json.loads(notes["summary"].string_value)["arms"], about


def leaderboard(out: Path) -> tuple[Any, Any]:
    (listed,) = json.loads((out / "index.json").read_bytes())["runs"]
    whole = json.loads((out / listed["file"]).read_bytes())
    about = ("simulated", "complete", "cut_off")
    assert {name: whole[name] for name in about} == {name: listed[name] for name in about}
    return whole["arms"], listed


def llem(out: Path) -> tuple[Any, Any]:
    found = [json.loads((folder / "config.json").read_bytes())["wattrace"] for folder in sorted(out.iterdir())]
    return [{**told["summary"], "per_round": told["rounds"]} for told in found], found[0]


TOLD: dict[str, Told] = {"parquet": parquet, "csv": csv, "perfetto": perfetto, "leaderboard": leaderboard, "llem": llem}


@pytest.fixture(scope="module", params=["whole", "cut"])
def race(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_race(tmp_path_factory.mktemp("race") / "race.jsonl", cut=request.param == "cut", rounds="AB")


@pytest.mark.parametrize("form", TOLD)
def test_the_figures_are_compares_to_the_last_bit(form: str, race: Path, tmp_path: Path) -> None:
    export([race], form, tmp_path / "out")
    arms, about = TOLD[form](tmp_path / "out")
    live = read_race(race)
    assert arms == live.outcome()["arms"]
    assert about["simulated"] == {"power": True, "arms": True}
    assert about["complete"] is (live.cut_off is None) and about["cut_off"] == live.cut_off


def test_the_figures_in_columns_and_samples_are_the_same_too(race: Path, tmp_path: Path) -> None:
    for form in ("parquet", "openmetrics"):
        export([race], form, tmp_path / form)
    rows = pq.read_table(tmp_path / "parquet" / "arms.parquet").to_pylist()
    text = (tmp_path / "openmetrics" / "metrics.txt").read_text(encoding="utf-8")
    families = {family.name: family.samples for family in text_string_to_metric_families(text)}
    live = read_race(race)
    for arm, row in zip(live.outcome()["arms"], rows, strict=True):
        for name in ("joules_per_token", "energy_joules", "uncertainty_joules", "tokens_per_second", "tokens"):
            (sample,) = (s for s in families[f"wattrace_arm_{name}"] if s.labels["arm"] == arm["label"])
            assert row[name] == arm[name] == sample.value and sample.labels["simulated"] == "true"
        assert row["power_watts_mean"] == arm["power_watts"]["mean"]
        assert row["total_energy_joules"] == arm["total"]["energy_joules"]
        assert row["devices"] == "gpu0,gpu1" and row["reasons"] == ",".join(arm["reasons"])
    info = families["wattrace_run"][0].labels
    assert info["complete"] == ("true" if live.cut_off is None else "false")


@pytest.mark.parametrize("form", FORMATS)
def test_a_packed_recording_gives_the_same_files(form: str, tmp_path: Path) -> None:
    race = odd_race(tmp_path / "race.jsonl", rounds="AB")
    export([race], form, tmp_path / "plain")
    export([pack(race)], form, tmp_path / "packed")
    plain, packed = (
        {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        for out in (tmp_path / "plain", tmp_path / "packed")
    )
    assert plain == packed


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_written_over(form: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match="not empty"):
        export([recorded(tmp_path / "race.jsonl", story(rounds="AB"))], form, out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    with pytest.raises(ExportError, match="no folder"):
        export([tmp_path / "race.jsonl"], form, out / "mine.txt")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "race.jsonl"}


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export([recorded(tmp_path / "race.jsonl", story(rounds="AB"))], "leaderboard", tmp_path / "out")
    assert (tmp_path / "out" / "index.json").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_no_recording_leaves_nothing_behind(form: str, tmp_path: Path) -> None:
    good = recorded(tmp_path / "race.jsonl", story(rounds="AB")).read_bytes().splitlines(keepends=True)
    for name, content in {"bad": b"hello\n", "broken": b"".join([*good[:40], b"{\n", *good[40:]])}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RecordingError, match="not JSON"):
            export([tmp_path / name], form, tmp_path / "out")
    with pytest.raises(RecordingError, match="cannot be read"):
        export([tmp_path / "none"], form, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"race.jsonl", "bad", "broken"}


@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"leaderboard"}))
def test_only_a_leaderboard_is_of_several(form: str, tmp_path: Path) -> None:
    race = recorded(tmp_path / "race.jsonl", story(rounds="AB"))
    with pytest.raises(ExportError, match="takes one recording, not 2"):
        export([race, race], form, tmp_path / "out")


def test_a_leaderboard_has_each_run_once(tmp_path: Path) -> None:
    race = recorded(tmp_path / "race.jsonl")
    (start, *rest) = story(power=False)
    other = recorded(tmp_path / "other.jsonl", [start.model_copy(update={"run": "../other run"}), *rest])
    export([race, other], "leaderboard", tmp_path / "out")
    runs = json.loads((tmp_path / "out" / "index.json").read_bytes())["runs"]
    assert [run["file"] for run in runs] == ["runs/20261121-093012-story-0000.json", "runs/.._other_run.json"]
    assert runs[1]["arms"][0]["joules_per_token"] is None and runs[0]["arms"][0]["joules_per_token"] > 0
    assert runs[0]["verdicts"][0]["text"].startswith("B ")
    with pytest.raises(ExportError, match="of a run that another"):
        export([race, race], "leaderboard", tmp_path / "twice")


@pytest.mark.parametrize(("form", "package"), [("parquet", "pyarrow"), ("llem", "pyarrow"), ("perfetto", "perfetto")])
def test_a_package_that_is_not_there_is_named_with_its_extra(
    form: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("engine.export.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PackageMissing, match=rf"{package} is not installed; pip install 'wattrace\[export\]'"):
        export([recorded(tmp_path / "race.jsonl", story(rounds="AB"))], form, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"llem"}))
def test_without_a_power_sensor_energies_are_missing_and_not_zero(form: str, tmp_path: Path) -> None:
    export([recorded(tmp_path / "race.jsonl", story(power=False, rounds="AB"))], form, tmp_path / "out")
    if form in TOLD:
        arms, _ = TOLD[form](tmp_path / "out")
        assert arms[0]["energy_joules"] is None and arms[0]["tokens"] > 0
    if form == "openmetrics":
        text = (tmp_path / "out" / "metrics.txt").read_text(encoding="utf-8")
        assert "energy_joules" not in text and "wattrace_arm_tokens_per_second" in text


@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"llem"}))
def test_a_measurement_has_no_arms_and_is_exported_all_the_same(form: str, tmp_path: Path) -> None:
    (start, *rest) = story(rounds="A")
    kept = [d for d in rest if isinstance(d, Stop) or getattr(d, "stream", None) == "gpu0"]
    race = recorded(tmp_path / "race.jsonl", [start.model_copy(update={"arms": []}), *kept])
    export([race], form, tmp_path / "out")
    if form == "parquet":
        rows = sum(len(d.t_ns) for d in kept if isinstance(d, Page))
        assert pq.read_metadata(tmp_path / "out" / "gpu0.parquet").num_rows == rows
        assert pq.read_metadata(tmp_path / "out" / "rounds.parquet").num_rows == 0
