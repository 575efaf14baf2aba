"""Recordings as accidents and vandals leave them: refused, flagged, or the same as before. `make bench` reads 2,000."""

import random
from collections import Counter
from pathlib import Path

import orjson
import pytest
from mutations import mutated, mutated_packed, outcome_of

import engine.recording
from engine.recording import check, pack

GOOD = Path(__file__).parents[1] / "corpus" / "schema-2.jsonl"
PLAIN, PACKED = 120, 80


@pytest.fixture(scope="module")
def told() -> tuple[bytes, dict[str, int]]:
    rows = {name: facts.rows for name, facts in check(GOOD).streams.items()}
    return orjson.dumps(engine.recording.open(GOOD).summary()), rows


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Of several frames, so that some of them may be whole where others are not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.recording.blocks.BLOCK_BYTES", 20_000)
        return pack(GOOD, tmp_path_factory.mktemp("packed") / "race.jsonl.zst").read_bytes()


def test_no_mutation_is_a_crash_or_a_wrong_number_that_nobody_speaks_of(
    tmp_path: Path, told: tuple[bytes, dict[str, int]]
) -> None:
    content, met = GOOD.read_bytes(), Counter[str]()
    for seed in range(PLAIN):
        path = tmp_path / f"{seed}.jsonl"
        path.write_bytes(mutated(content, random.Random(seed)))
        met[outcome_of(path, figures=told[0], rows=told[1])] += 1
    assert met["refused"] > 20 and met["flagged"] > 20, met


def test_nor_is_one_of_a_packed_recording(tmp_path: Path, packed: bytes, told: tuple[bytes, dict[str, int]]) -> None:
    met = Counter[str]()
    for seed in range(PACKED):
        path = tmp_path / f"{seed}.zst"
        path.write_bytes(mutated_packed(packed, random.Random(seed)))
        met[outcome_of(path, figures=told[0], rows=told[1])] += 1
    assert met["refused"] > 20 and met["flagged"] > 3, met
