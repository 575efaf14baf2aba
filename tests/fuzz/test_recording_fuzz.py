"""Recordings as accidents and vandals leave them: refused, flagged, or the same as before. `make bench` reads 2,000."""

import random
from collections import Counter
from pathlib import Path

import pytest
from mutations import Good, mutated, mutated_packed, outcome_of, unsealed

import engine.recording
from engine.recording import check, pack

CORPUS = Path(__file__).parents[1] / "corpus"
GOOD = CORPUS / "schema-3.jsonl"
PLAIN, PACKED, OPEN, CUTS = 120, 80, 40, 6


@pytest.fixture(scope="module")
def told() -> Good:
    return Good.of(GOOD)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Of several frames, so that some of them may be whole where others are not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.recording.blocks.BLOCK_BYTES", 20_000)
        return pack(GOOD, tmp_path_factory.mktemp("packed") / "race.jsonl.zst").read_bytes()


def test_no_mutation_is_a_crash_or_a_wrong_number_that_nobody_speaks_of(tmp_path: Path, told: Good) -> None:
    content, met = GOOD.read_bytes(), Counter[str]()
    for seed in range(PLAIN):
        path = tmp_path / f"{seed}.jsonl"
        path.write_bytes(mutated(content, random.Random(seed)))
        met[outcome_of(path, told, exports=seed % 5 == 0)] += 1
    assert met["refused"] > 20 and met["flagged"] > 20, met


def test_nor_is_one_of_a_packed_recording(tmp_path: Path, packed: bytes, told: Good) -> None:
    met = Counter[str]()
    for seed in range(PACKED):
        path = tmp_path / f"{seed}.zst"
        path.write_bytes(mutated_packed(packed, random.Random(seed)))
        met[outcome_of(path, told, exports=seed % 5 == 0)] += 1
    assert met["refused"] > 20 and met["flagged"] > 3, met


@pytest.mark.parametrize("schema", ["schema-1", "schema-2", "schema-3"])
def test_nor_is_one_that_no_seal_gives_away(tmp_path: Path, schema: str) -> None:
    """What changes figures, check finds by working them out."""
    content, met = unsealed((CORPUS / f"{schema}.jsonl").read_bytes()), Counter[str]()
    (tmp_path / "good.jsonl").write_bytes(content)
    good = Good.of(tmp_path / "good.jsonl")
    assert not good.sealed
    for seed in range(OPEN):
        path = tmp_path / f"{seed}.jsonl"
        path.write_bytes(mutated(content, random.Random(seed)))
        met[outcome_of(path, good, exports=seed % 5 == 0)] += 1
    assert met["refused"] > 5 and met["flagged"] > 5, met


@pytest.mark.parametrize("form", ["schema-1", "schema-2", "schema-3", "unsealed", "packed"])
def test_what_is_left_of_one_that_was_cut_off_is_read_as_it_was(form: str, tmp_path: Path, packed: bytes) -> None:
    plain = (CORPUS / f"{form if form.startswith('schema') else 'schema-3'}.jsonl").read_bytes()
    content = {"packed": packed, "unsealed": unsealed(plain)}.get(form, plain)
    (tmp_path / "whole").write_bytes(content)
    whole = engine.recording.open(tmp_path / "whole")
    documents, watts = list(whole.documents()), whole.samples("power_instant_watts")
    chance = random.Random(7)
    for number in range(CUTS):
        path = tmp_path / f"{number}"
        path.write_bytes(content[: chance.randrange(len(content) // 4, len(content) * 9 // 10)])
        cut = engine.recording.open(path)
        left = list(cut.documents())
        assert left == documents[: len(left)] and 0 < len(left) < len(documents)
        assert cut.cut_off is not None and check(path).verdict == "cut off"
        some = cut.samples("power_instant_watts")
        assert some.t_ns.tolist() == watts.t_ns[: len(some)].tolist() and 0 < len(some) < len(watts)
        assert some.values.tolist() == watts.values[: len(some)].tolist()
