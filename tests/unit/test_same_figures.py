"""One race, live, replayed and exported: its figures are the same to the last bit."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from odd_race import odd_documents
from recordings import recorded

import engine.recording
from engine.clock import FakeClock
from engine.export import export
from engine.ledger import Ledger, outcome
from engine.recording import pack
from engine.replay import Replay


@pytest.fixture(scope="module")
def live() -> dict[str, Any]:
    """What the race's own ledger has come to at its end."""
    ledger = Ledger()
    for document in odd_documents():
        ledger.add(document)
    return outcome(ledger, None)


@pytest.fixture(scope="module")
def race(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("race") / "race.jsonl", odd_documents())


async def test_live_and_replayed(live: dict[str, Any], race: Path) -> None:
    assert live["arms"][0]["energy_joules"] > 0 and live["verdicts"]
    assert engine.recording.open(race).summary() == live
    for path in (race, pack(race)):
        ledger, clock = Ledger(), FakeClock()
        replay = Replay(path, ledger.add, clock=clock)
        replay.pace.begin = lambda clock=clock: clock.advance(3600)
        await replay.run()
        assert outcome(ledger, None) == live


def test_live_and_exported(live: dict[str, Any], race: Path, tmp_path: Path) -> None:
    for form in ("parquet", "csv", "llem"):
        export([race], form, tmp_path / form)
    in_parquet = json.loads(pq.read_schema(tmp_path / "parquet" / "arms.parquet").metadata[b"wattrace"])["summary"]
    assert in_parquet == json.loads((tmp_path / "csv" / "arms.json").read_bytes())["summary"] == live
    columns = pq.read_table(tmp_path / "parquet" / "arms.parquet").to_pylist()
    rounds = {
        (row["arm"], row["round"]): row for row in pq.read_table(tmp_path / "parquet" / "rounds.parquet").to_pylist()
    }
    for arm, row, folder in zip(live["arms"], columns, sorted((tmp_path / "llem").iterdir()), strict=True):
        result = json.loads((folder / "result.json").read_bytes())
        assert row["energy_joules"] == result["total_energy_j"] == arm["energy_joules"]
        assert row["joules_per_token"] == result["avg_energy_per_token_j"] == arm["joules_per_token"]
        assert row["uncertainty_joules"] == arm["uncertainty_joules"] and row["tokens"] == arm["tokens"]
        for told in arm["per_round"]:
            found = rounds[arm["label"], told["round"]]
            assert found["steady_energy_joules"] == told["steady"]["energy_joules"]
            assert found["total_energy_joules"] == told["total"]["energy_joules"]
