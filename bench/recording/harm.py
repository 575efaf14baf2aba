"""What accidents and vandals do to recordings: killed writers, and mutated files."""

import multiprocessing
import random
import shutil
import time
from collections import Counter
from pathlib import Path

from appender import faults, kill_one
from mutations import Good, mutated, mutated_packed, outcome_of, unsealed

from bench.figures import Row, fact, told

KILLS, MUTATIONS = 100, 2000
LONGEST_SECONDS = 30
GOOD = Path(__file__).resolve().parents[2] / "tests" / "corpus" / "schema-3.jsonl"


def killed(folder: Path) -> list[Row]:
    """Recorders, killed with SIGKILL at random moments."""
    chance, bad, moments = random.Random(7), Counter[str](), list[int]()
    size = GOOD.stat().st_size
    for _ in range(KILLS):
        target = folder / "killed" / "race.jsonl"
        said = kill_one(GOOD, target, chance)
        moments.append(said)
        bad.update(faults(GOOD, target, said))
        shutil.rmtree(target.parent)
    within = sum(said < size for said in moments)
    words = f"{sum(bad.values())} faults in {KILLS}; {within} of them before the stop, at {len(set(moments))} places"
    return [
        fact(
            "kill -9 at random moments: it opens, nothing is lost, check says where",
            "no fault",
            not bad,
            measured=words,
        )
    ]


def mutations(folder: Path) -> list[Row]:
    """Files that were changed at random, read in every way: sealed, packed, and without a seal of either schema."""
    from engine.recording import pack

    sealed, open_ = Good.of(GOOD), {}
    for file in (GOOD, GOOD.with_name("schema-1.jsonl")):
        plain = folder / f"open-{file.name}"
        plain.write_bytes(unsealed(file.read_bytes()))
        open_[plain.read_bytes()] = Good.of(plain)
    packed = pack(GOOD, folder / "good.zst").read_bytes()
    kinds = [*[(GOOD.read_bytes(), sealed, mutated)] * 4, (packed, sealed, mutated_packed)]
    kinds = [*kinds * 2, *[(content, good, mutated) for content, good in open_.items()]]
    met, slowest = Counter[str](), 0.0
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for seed in range(MUTATIONS):
            content, good, change = kinds[seed % len(kinds)]
            path = folder / f"{seed}.jsonl"
            path.write_bytes(change(content, random.Random(seed)))
            begun = time.perf_counter()
            met[_met(pool, path, good, seed)] += 1
            slowest = max(slowest, time.perf_counter() - begun)
            path.unlink()
    faulty = {how: count for how, count in met.items() if how not in ("refused", "flagged", "same")}
    words = ", ".join(f"{count} {how}" for how, count in met.most_common())
    return [
        fact(f"{MUTATIONS} mutated recordings: refused, flagged, or the same", "all", not faulty, measured=words),
        told("  the slowest of them", slowest, "s", digits=2),
    ]


def _met(pool: "multiprocessing.pool.Pool", path: Path, good: Good, seed: int) -> str:
    """How it was met; a crash or a hang of the reader is one of the answers."""
    try:
        return pool.apply_async(outcome_of, (path, good), {"exports": seed % 5 == 0}).get(LONGEST_SECONDS)
    except multiprocessing.TimeoutError:
        return f"HUNG (seed {seed})"
    except Exception as error:
        return f"{type(error).__name__} (seed {seed}: {error})"
