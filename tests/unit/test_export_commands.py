"""`wattrace export`, `import`, `list`, `keep`, `prune`, and `compare` of bundles, as they are typed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from recordings import recorded
from story import story
from typer.testing import CliRunner

from engine.errors import NotComparable
from server.cli.root import app

Wattrace = Callable[..., Result]


@pytest.fixture
def wattrace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wattrace:
    """Runs a command in a place of its own; an error that is no exit is raised."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WATTRACE_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Result:
        found = CliRunner().invoke(app, list(arguments))
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found

    return run


@pytest.fixture
def race(tmp_path: Path) -> Path:
    return recorded(tmp_path / "recordings" / "race.jsonl", story(rounds="ABBA"))


def test_export_then_import_then_compare(wattrace: Wattrace, race: Path) -> None:
    found = wattrace("export", str(race), "--format", "llem", "--out", "bundles")
    assert found.exit_code == 0 and found.stdout == "export: bundles\n"
    shown = wattrace("import", "bundles/A-one", "bundles/B-two").stdout
    assert "SIMULATED" in shown and "3.0000" in shown and "the steady states of 2 rounds" in shown
    told = json.loads(wattrace("import", "bundles/A-one", "--json").stdout)["bundles"][0]
    assert told["arms"][0]["joules_per_token"] == 3.0 and told["imported"].startswith("wattrace ")
    shown = wattrace("compare", str(race), "bundles/B-two").stdout
    assert "across the recordings" in shown and "2A  simulated" in shown and "stored at 1 Hz" in shown
    told = json.loads(wattrace("compare", str(race), "bundles/B-two", "--json").stdout)
    assert [group["label"] for group in told["groups"]] == ["1A", "1B", "2A"]
    assert told["groups"][1]["joules_per_token"] == told["groups"][2]["joules_per_token"]
    assert json.loads(wattrace("compare", "bundles/B-two", "--json").stdout)["arms"][0]["name"].startswith("simulated")


def test_compare_names_what_bundles_differ_in(wattrace: Wattrace, race: Path, tmp_path: Path) -> None:
    wattrace("export", str(race), "--format", "llem", "--out", "bundles")
    result = tmp_path / "bundles" / "A-one" / "result.json"
    result.write_text(result.read_text().replace('"model_name": "unknown"', '"model_name": "other"'))
    with pytest.raises(NotComparable, match="model: unknown"):
        wattrace("compare", str(race), "bundles/A-one")
    assert "NOT THE SAME model" in wattrace("compare", str(race), "bundles/A-one", "--anyway").stdout


def test_what_an_export_leaves_out_is_told(wattrace: Wattrace, tmp_path: Path) -> None:
    (start, *rest) = story(rounds="AB")
    arms = [start.arms[0], start.arms[1].model_copy(update={"unit": "block", "runtime": "command"})]
    race = recorded(tmp_path / "race.jsonl", [start.model_copy(update={"arms": arms}), *rest])
    found = wattrace("export", str(race), "--format", "llem", "--out", "out")
    assert found.exit_code == 0 and "left out: arm B has no bundle" in found.stderr


def test_list_keep_and_prune(wattrace: Wattrace, race: Path) -> None:
    assert "complete, SIMULATED" in wattrace("list").stdout
    assert wattrace("keep", "race").stdout == f"kept: {race}\n"
    assert [entry["kept"] for entry in json.loads(wattrace("list", "--json").stdout)["recordings"]] == [True]
    assert "0 recordings" in wattrace("list", "--not-kept", "--since", "2026-11-21", "--demo", "story").stdout
    told = wattrace("prune", "--max-gigabytes", "0").stdout
    assert "over the limit: the rest is kept" in told
    wattrace("keep", "race", "--off")
    told = wattrace("prune", "--max-gigabytes", "0").stdout
    assert f"would delete {race}" in told and "nothing was deleted; --yes deletes" in told and race.exists()
    told = json.loads(wattrace("prune", "--max-gigabytes", "0", "--yes", "--json").stdout)
    assert told["deleted"] == [str(race)] and told["bytes_left"] == 0 and not race.exists()


def test_what_is_packed_in_place_stays_kept(wattrace: Wattrace, race: Path) -> None:
    wattrace("keep", "race")
    assert wattrace("pack", str(race), "--replace").exit_code == 0 and not race.exists()
    assert wattrace("prune", "--max-gigabytes", "0", "--yes").exit_code == 0
    assert race.with_name("race.jsonl.zst").exists()
    assert [entry["kept"] for entry in json.loads(wattrace("list", "--json").stdout)["recordings"]] == [True]


def test_check_exits_with_the_worst_of_its_verdicts(wattrace: Wattrace, race: Path, tmp_path: Path) -> None:
    content, other, cut = race.read_bytes(), tmp_path / "other.jsonl", tmp_path / "cut.jsonl"
    other.write_bytes(otherwise_worked_out(content))
    cut.write_bytes(content[:-40])
    assert [wattrace("check", str(file)).exit_code for file in (race, other, cut)] == [0, 4, 3]
    assert wattrace("check", str(other), str(race)).exit_code == 4
    found = wattrace("check", str(cut), str(other), "--json")
    assert found.exit_code == 3
    assert [told["verdict"] for told in json.loads(found.stdout)["files"]] == ["cut off", "unverified"]
    assert wattrace("check", str(cut), str(tmp_path / "none.jsonl"), str(other)).exit_code == 1
    assert "another method worked them out" in wattrace("check", str(other)).stdout


def otherwise_worked_out(content: bytes) -> bytes:
    """The recording as another method had told its figures, without a seal."""
    first, *lines, last = content.splitlines(keepends=True)
    start, stop = json.loads(first), json.loads(last)
    start["provenance"]["figures_method"] = 0
    stop["arms"][0]["joules_per_token"] += 1
    del stop["digest"]
    return b"".join([json.dumps(start).encode() + b"\n", *lines, json.dumps(stop).encode() + b"\n"])


def test_prune_takes_its_limits_from_the_environment(
    wattrace: Wattrace, race: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = wattrace("prune")
    assert found.exit_code == 2 and "without --max-gigabytes or --max-days" in found.stderr and race.exists()
    monkeypatch.setenv("WATTRACE_MAX_GIGABYTES", "0")
    assert f"deleted {race}" in wattrace("prune", "--yes").stdout and not race.exists()


def test_filters_can_be_typed(wattrace: Wattrace, race: Path) -> None:
    for options in (
        ["--simulated", "--complete"],
        ["--until", "2026-11-21"],
        ["--gpu", "unknown"],
        ["--folder", "recordings"],
    ):
        assert "1 recording," in wattrace("list", *options).stdout
    for options in (["--real"], ["--incomplete"], ["--until", "2026-11-20"], ["--gpu", "H100"], ["--kept"]):
        assert "0 recordings" in wattrace("list", *options).stdout
