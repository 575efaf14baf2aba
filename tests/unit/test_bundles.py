"""llenergymeasure's bundles beside our own runs: its figures as they are, what it does not tell as unknown."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from llenergymeasure.domain.experiment import ExperimentResult, LatencyPercentiles, ServerWindowMetrics
from llenergymeasure.results.bundle import BundleReader
from recordings import recorded
from story import story

from engine.bundles import read_bundle
from engine.errors import NotComparable, RecordingError
from engine.export import export
from engine.outcome import across, read_race

BEGAN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def written(folder: Path, *, config: dict[str, Any] | None = None, **figures: Any) -> Path:
    """A bundle that its own model has written, and its own reader takes."""
    told: dict[str, Any] = {
        "experiment_id": folder.name,
        "declared_config_hash": "0123456789abcdef",
        "llenergymeasure_version": "0.7.0",
        "serving_mode": "server",
        "engine": "vllm",
        "model_name": "Qwen/Qwen2.5-1.5B-Instruct",
        "input_tokens": None,
        "output_tokens": 12_000,
        "total_tokens": None,
        "total_energy_j": 3000.0,
        "total_inference_time_sec": 10.0,
        "avg_tokens_per_second": 1200.0,
        "avg_energy_per_token_j": 0.25,
        "total_flops": 0.0,
        "start_time": BEGAN,
        "end_time": BEGAN + timedelta(seconds=10),
        "server_metrics": ServerWindowMetrics(
            completed_count=100, ttft=LatencyPercentiles(p50_ms=20.0, p90_ms=30.0, p99_ms=50.0, samples=100)
        ),
    }
    result = ExperimentResult(**{**told, **figures})
    folder.mkdir()
    (folder / "result.json").write_text(result.model_dump_json())
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    BundleReader.read(folder)
    return folder


def test_its_figures_are_taken_as_they_are(tmp_path: Path) -> None:
    config = {"declared_config": {"measurement": {"energy_sampler": "nvml"}}, "measurement_methodology": "steady_state"}
    bundle = read_bundle(written(tmp_path / "one", config=config))
    arm = bundle.summary("A")
    assert (arm["joules_per_token"], arm["energy_joules"], arm["tokens"], arm["seconds"]) == (
        0.25,
        3000.0,
        12_000,
        10.0,
    )
    assert arm["power_watts"] == {"mean": 300.0, "peak": None} and arm["uncertainty_joules"] is None
    assert arm["ttft_seconds"] == {"p50": 0.02, "p90": 0.03, "p99": 0.05} and arm["itl_seconds"] is None
    assert bundle.values("A", "joules_per_token") == [0.25] and bundle.values("A", "itl_p99_seconds") == [None]
    assert bundle.values("A", "joules_per_request") == [None]


def test_it_says_who_measured_and_how_often(tmp_path: Path) -> None:
    config = {"declared_config": {"measurement": {"energy_sampler": "nvml"}}, "measurement_methodology": "steady_state"}
    told = read_bundle(written(tmp_path / "one", config=config)).measured("A")
    assert told["by"] == "llenergymeasure 0.7.0" and told["method"].startswith(
        "sampler nvml; steady_state; Energy measured via"
    )
    assert told["sampling_hz"] is None and told["stored_hz"] is None


def test_its_zeros_for_what_it_could_not_measure_are_unknown(tmp_path: Path) -> None:
    folder = written(
        tmp_path / "one", total_energy_j=0.0, avg_energy_per_token_j=0.0, output_tokens=0, avg_tokens_per_second=0.0
    )
    arm = read_bundle(folder).summary("A")
    assert arm["energy_joules"] is arm["joules_per_token"] is arm["tokens"] is arm["power_watts"]["mean"] is None
    assert arm["attributable"] is False


def test_bundles_of_one_configuration_are_rounds_of_one_group(tmp_path: Path) -> None:
    ours = [read_bundle(written(tmp_path / f"a{k}", avg_energy_per_token_j=0.25 + k / 1000)) for k in range(3)]
    other = {"declared_config_hash": "fedcba9876543210"}
    theirs = [
        read_bundle(written(tmp_path / f"b{k}", avg_energy_per_token_j=0.5 + k / 1000, **other)) for k in range(3)
    ]
    found = across([*ours, *theirs])
    assert [(group["label"], group["rounds"]) for group in found["groups"]] == [("1A+2A+3A", 3), ("4A+5A+6A", 3)]
    (verdict,) = (v for v in found["verdicts"] if v["metric"] == "joules_per_token")
    assert verdict["decided"] and verdict["method"] == "unpaired" and 1.9 < verdict["ratio"] < 2.1


def test_beside_a_recording_the_prompts_are_unknown(tmp_path: Path) -> None:
    (start, *rest) = story(rounds="AB")
    model = {"id": "Qwen/Qwen2.5-1.5B-Instruct", "revision": None}
    about = {"provenance": {"model": model, "prompts": "stage", "prompts_sha256": "12345678"}, "simulated": {}}
    race = recorded(tmp_path / "race.jsonl", [start.model_copy(update=about), *rest])
    races = [read_race(race), read_bundle(written(tmp_path / "one"))]
    with pytest.raises(NotComparable, match=r"differ in prompts: stage 12345678 \(.*\), unknown \([^;]*\); --anyway"):
        across(races)
    found = across(races, anyway=True)
    assert [one["measured"][0]["by"] for one in found["groups"]] == ["wattrace", "wattrace", "llenergymeasure 0.7.0"]
    assert found["groups"][0]["measured"][0]["method"] == "simulated and counter"
    assert found["files"][1]["imported"] == "llenergymeasure 0.7.0"


def test_what_was_exported_comes_back_with_the_same_figures_and_flags(tmp_path: Path) -> None:
    race = read_race(recorded(tmp_path / "race.jsonl"))
    export([race.path], "llem", tmp_path / "out")
    bundle = read_bundle(tmp_path / "out" / "B-two")
    ours, back = race.summary("B"), bundle.summary("A")
    same = ("joules_per_token", "energy_joules", "tokens", "seconds", "tokens_per_second", "energy_above_idle_joules")
    assert {name: back[name] for name in same} == {name: ours[name] for name in same}
    assert bundle.start.simulated == {"power": True, "arms": True} and bundle.measured("A")["stored_hz"] == 1.0
    assert "SIMULATED power and arms" in back["reasons"]
    across([race, bundle])  # nothing differs: its prompts, too, are known


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no result.json"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not as llenergymeasure writes it"),
        ('{"bundle_version": "3.0", "experiment_id": "x", "engine": "e", "model_name": "m", "start_time": ""}', "3.0"),
        ('{"bundle_version": "2.0", "experiment_id": "x"}', "engine: Field required"),
        ('{"bundle_version": "2.0", "experiment_id": "x", "engine": "e", "model_name": "m", "start_time": "t", '
         '"total_energy_j": "many"}', "total_energy_j"),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_bundle_is_one_clear_error(content: str | None, words: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "result.json").write_text(content)
    with pytest.raises(RecordingError, match=words):
        read_bundle(tmp_path)
