"""What accidents and vandals do to recordings: killed writers, and mutated files."""

import multiprocessing
import random
import shutil
import time
from collections import Counter
from pathlib import Path

from appender import faults, kill_one
from mutations import mutated, mutated_packed, outcome_of

from bench.figures import Row, fact, told

KILLS, MUTATIONS, PACKED = 100, 1500, 500
LONGEST_SECONDS = 30
GOOD = Path(__file__).resolve().parents[2] / "tests" / "corpus" / "schema-2.jsonl"


def killed(folder: Path) -> list[Row]:
    """Recorders, killed with SIGKILL at random moments."""
    chance, bad, bytes_told = random.Random(7), Counter[str](), 0
    for _ in range(KILLS):
        target = folder / "killed" / "race.jsonl"
        said = kill_one(GOOD, target, chance)
        bytes_told += said
        bad.update(faults(GOOD, target, said))
        shutil.rmtree(target.parent)
    words = f"{sum(bad.values())} faults in {KILLS}; {bytes_told / 1e6:.1f} MB had been told of"
    return [
        fact(
            "kill -9 at random moments: it opens, nothing is lost, check says where",
            "no fault",
            not bad,
            measured=words,
        )
    ]


def mutations(folder: Path) -> list[Row]:
    """Files that were changed at random, read in every way."""
    import orjson

    import engine.recording
    from engine.recording import check, pack

    rows = {name: facts.rows for name, facts in check(GOOD).streams.items()}
    figures = orjson.dumps(engine.recording.open(GOOD).summary())
    packed = pack(GOOD, folder / "good.zst").read_bytes()
    met, slowest = Counter[str](), 0.0
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for seed in range(MUTATIONS + PACKED):
            chance = random.Random(seed)
            path = folder / f"{seed}.jsonl"
            good = seed < MUTATIONS
            path.write_bytes(mutated(GOOD.read_bytes(), chance) if good else mutated_packed(packed, chance))
            begun = time.perf_counter()
            met[_met(pool, path, figures, rows, seed)] += 1
            slowest = max(slowest, time.perf_counter() - begun)
            path.unlink()
    faulty = {how: count for how, count in met.items() if how not in ("refused", "flagged", "same")}
    words = ", ".join(f"{count} {how}" for how, count in met.most_common())
    return [
        fact(
            f"{MUTATIONS + PACKED} mutated recordings: refused, flagged, or the same", "all", not faulty, measured=words
        ),
        told("  the slowest of them", slowest, "s", digits=2),
    ]


def _met(pool: "multiprocessing.pool.Pool", path: Path, figures: bytes, rows: dict[str, int], seed: int) -> str:
    """How it was met; a crash or a hang of the reader is one of the answers."""
    try:
        return pool.apply_async(outcome_of, (path,), {"figures": figures, "rows": rows}).get(LONGEST_SECONDS)
    except multiprocessing.TimeoutError:
        return f"HUNG (seed {seed})"
    except Exception as error:
        return f"{type(error).__name__} (seed {seed}: {error})"
