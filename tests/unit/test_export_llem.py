"""Bundles for llenergymeasure: its own reader takes them, and finds the recording's figures in them."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from llenergymeasure.harness.timeseries import _timeseries_schema
from llenergymeasure.results.bundle import BundleReader, LoadedBundle
from llenergymeasure.results.request_log import _requests_schema, rows_from_parquet, span_from_parquet
from odd_race import odd_race
from recordings import recorded
from story import SECOND, start, story

import engine.recording
from engine.documents import Start
from engine.errors import ExportError
from engine.export import export
from engine.recording import Recording


@pytest.fixture(scope="module")
def race(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return engine.recording.open(odd_race(tmp_path_factory.mktemp("race") / "race.jsonl"))


@pytest.fixture(scope="module")
def bundles(race: Recording, tmp_path_factory: pytest.TempPathFactory) -> list[LoadedBundle]:
    out = tmp_path_factory.mktemp("llem") / "out"
    assert export([race.path], "llem", out) == []
    return [BundleReader.read(folder) for folder in sorted(out.iterdir())]


def test_each_arm_is_a_bundle_with_the_figures_to_the_last_bit(race: Recording, bundles: list[LoadedBundle]) -> None:
    assert [bundle.bundle_dir.name for bundle in bundles] == ["A-one", "B-two"]
    for bundle, arm in zip(bundles, race.summary()["arms"], strict=True):
        result = bundle.result
        assert set(bundle.paths) == {"result", "config", "system", "timeseries", "requests"}
        assert result.total_energy_j == arm["energy_joules"] and result.output_tokens == arm["tokens"]
        assert result.avg_energy_per_token_j == arm["joules_per_token"]
        assert result.avg_tokens_per_second == arm["tokens_per_second"]
        assert result.total_inference_time_sec == arm["seconds"]
        assert result.energy_adjusted_j == arm["energy_above_idle_joules"]
        assert bundle.config is not None
        assert bundle.config["wattrace"]["summary"] == {k: v for k, v in arm.items() if k != "per_round"}
        assert bundle.config["wattrace"]["rounds"] == arm["per_round"]


def test_it_says_that_it_was_simulated_and_how_it_was_measured(bundles: list[LoadedBundle]) -> None:
    for bundle in bundles:
        assert "SIMULATED power and arms" in bundle.result.measurement_warnings
        assert any(words.startswith("power_capped: ") for words in bundle.result.measurement_warnings)
        assert "uncertainty" in bundle.result.reproducibility_notes
        assert bundle.result.serving_mode == "server" and bundle.result.engine == "simulated"
        assert bundle.environment is not None and bundle.environment.hardware.gpu.name == "unknown"
        assert bundle.environment.hardware.gpu.vram_total_mb != bundle.environment.hardware.gpu.vram_total_mb  # NaN


def test_two_arms_have_hashes_of_their_own(bundles: list[LoadedBundle]) -> None:
    one, two = (bundle.result.declared_config_hash for bundle in bundles)
    assert one != two and len(one) == 16


def test_requests_are_in_its_own_columns(race: Recording, bundles: list[LoadedBundle]) -> None:
    path = bundles[0].paths["requests"]
    assert pq.read_schema(path).equals(_requests_schema())
    rows = {row.request_index: row for row in rows_from_parquet(path)}
    assert {number: row.status for number, row in rows.items()} == {
        1: "ok", 100: "error", 101: "timeout", 4: "ok", 400: "error", 401: "timeout",
    }  # fmt: skip
    first = rows[1]
    assert first.client_output_tokens == len(first.output_token_times) == first.server_completion_tokens
    assert first.first_token_at == first.output_token_times[0] and first.window_index == 1
    assert first.is_ramp and not first.in_measurement_window and first.finish_reason == "length"
    assert rows[101].completed_at is rows[101].ttft_ms is rows[101].server_completion_tokens is None
    assert span_from_parquet(path) == (None, None)  # two rounds have no common span
    assert bundles[0].result.server_metrics is not None
    assert bundles[0].result.server_metrics.completed_count == 2 and bundles[0].result.server_metrics.error_count == 2


def test_the_series_are_means_of_whole_seconds_of_the_arms_own_turns(bundles: list[LoadedBundle]) -> None:
    path = bundles[1].paths["timeseries"]
    assert pq.read_schema(path).equals(_timeseries_schema())
    rows = pq.read_table(path).to_pylist()
    assert {row["gpu_index"] for row in rows} == {0, 1} and {row["power_w"] for row in rows} == {400.0}
    assert {row["memory_total_mb"] for row in rows} == {None}
    assert {row["throttle_reasons"] for row in rows if row["gpu_index"] == 0} == {4}
    assert {row["throttle_reasons"] for row in rows if row["gpu_index"] == 1} == {None}


def test_one_round_has_a_span(tmp_path: Path) -> None:
    race = recorded(tmp_path / "race.jsonl", story(rounds="AB"))
    export([race], "llem", tmp_path / "out")
    steady = engine.recording.open(race).summary()["arms"][0]["steady"]
    begin, end = span_from_parquet(tmp_path / "out" / "A-one" / "requests.parquet")
    assert begin is not None and end is not None and end - begin == pytest.approx(steady["seconds"])


def test_a_recording_that_was_cut_off_says_so(tmp_path: Path) -> None:
    export([odd_race(tmp_path / "cut.jsonl", cut=True)], "llem", tmp_path / "out")
    bundle = BundleReader.read(tmp_path / "out" / "A-one")
    assert any("cut off" in words for words in bundle.result.measurement_warnings)
    assert json.loads((tmp_path / "out" / "A-one" / "config.json").read_bytes())["wattrace"]["complete"] is False


def test_an_arm_without_energy_has_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="arm A has no bundle: its energy is unknown"):
        export([recorded(tmp_path / "race.jsonl", story(power=False))], "llem", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_arm_that_is_not_counted_in_tokens_is_left_out_and_told(tmp_path: Path) -> None:
    def odd(first: Start) -> Start:
        arms = [first.arms[0], first.arms[1].model_copy(update={"unit": "block", "runtime": "command"})]
        return first.model_copy(update={"arms": arms})

    race = recorded(tmp_path / "race.jsonl", [odd(start()), *story()[1:]])
    (words,) = export([race], "llem", tmp_path / "out")
    assert words == "arm B has no bundle: its work is counted in blocks, and llenergymeasure's in tokens"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["A-one"]


def test_times_are_those_of_the_run(race: Recording, bundles: list[LoadedBundle]) -> None:
    begun = race.rounds()["begin_t_ns"].min()
    assert bundles[0].result.start_time.isoformat() == f"2026-11-21T09:30:{12 + begun // SECOND}+00:00"
