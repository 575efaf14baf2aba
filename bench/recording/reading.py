"""How fast an hour's recording is read, each way in a process of its own, with its peak of memory."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.figures import Row, fact, most, told
from bench.recording.hour import write_hour

ROOT = Path(__file__).resolve().parents[2]
SEEKS = 200
MOST_MB = 300

_ALONE = """
import json, random, resource, sys, time
sys.path.insert(0, {root!r})
import engine.recording
begun = time.perf_counter()
found = None
race = engine.recording.open({path!r})
{work}
seconds = time.perf_counter() - begun
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found]))
"""
_SUMMARY = "found = race.summary(); race.cut_off"
_SAMPLES = "found = len(race.samples('power_instant_watts'))"
_TABLES = "found = [len(race.requests()), len(race.rounds())]"
_CHECK = "found = engine.recording.check(race.path).verdict"
_SEEK = f"""
chance, found = random.Random(7), []
places = [chance.randrange(3_590) for _ in range({SEEKS})]
for at in places:
    window = {{{{"from_ns": at * 10**9, "to_ns": (at + 1) * 10**9}}}}
    since = time.perf_counter()
    {{once}}
    rows = {{rows}}
    found.append(time.perf_counter() - since)
    assert rows > 20, (at, rows)
assert len(set(places)) > {SEEKS // 2}
"""
_ANEW = "race = engine.recording.open(race.path)"
_DOCUMENTS = "sum(1 for _ in race.documents(**window))"
_READINGS = "len(race.samples('power_instant_watts', **window))"


def reading(folder: Path) -> list[Row]:
    """The hour is written, packed, and read."""
    path = folder / "hour.jsonl"
    rows = write_hour(path)
    samples = sum(count for stream, count in rows.items() if stream.startswith("gpu"))
    begun = time.perf_counter()
    packed = _packed(path)
    packing = time.perf_counter() - begun
    seconds, mb, summary = alone(path, _SUMMARY)
    zipped, zipped_mb, same = alone(packed, _SUMMARY)
    found = [
        told("an hour, 2 GPUs at 100 Hz x 12 columns, 20,000 requests", path.stat().st_size / 1e6, "MB"),
        most("its summary, digest verified", seconds, 3, "s", note=f"; {zipped:.2f} s packed"),
        most("memory for that", max(mb, zipped_mb), MOST_MB, "MB", digits=0),
        fact("the same summary from both", "yes", summary == same),
        *seeks(path, packed),
        *_tables(packed),
        *_checked(path),
        most("packed, whole file over rows of samples", packed.stat().st_size / samples, 25, "bytes/row", digits=1),
        told("  over rows of all streams", packed.stat().st_size / sum(rows.values()), "bytes/row"),
        told("  packing and reading back", packing, "s"),
    ]
    for file in (path, packed):
        file.unlink()
    return found


def alone(path: Path, work: str) -> tuple[float, float, object]:
    """Seconds, peak of memory in MB, and what was found, of `work` in a process that does nothing else."""
    code = _ALONE.format(root=str(ROOT), path=str(path), work=work)
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    seconds, mb, found = json.loads(done.stdout)
    return seconds, mb, found


def _packed(path: Path) -> Path:
    from engine.recording import pack

    return pack(path)


def seeks(path: Path, packed: Path) -> list[Row]:
    """Windows at random places. A packed file is opened anew for each: every one of those is somebody's first."""
    found, memory = [], 0.0
    for what, rows in (("documents", _DOCUMENTS), ("one metric", _READINGS)):
        _, mb, times = alone(packed, _SEEK.format(once=_ANEW, rows=rows))
        found.append(_seek(f"one second out of the hour, packed, just opened: {what}", times))
        memory = max(memory, mb)
    _, mb, times = alone(path, _SEEK.format(once="pass", rows=_DOCUMENTS))
    assert isinstance(times, list)
    found.append(_seek("  not packed, behind the first look", times[1:]))
    found.append(told("  that first look, which reads all of it", times[0], "s", digits=2))
    found.append(most("memory for these", max(memory, mb), MOST_MB, "MB", digits=0))
    return found


def _seek(what: str, seconds: object) -> Row:
    """The slowest, since everybody waits for his own."""
    assert isinstance(seconds, list)
    note = f" at worst of {len(seconds)}; {statistics.median(seconds) * 1000:.0f} ms in the middle"
    return most(what, max(seconds) * 1000, 50, "ms", digits=0, note=note)


def _tables(packed: Path) -> list[Row]:
    seconds, mb, rows = alone(packed, _SAMPLES)
    others, others_mb, _ = alone(packed, _TABLES)
    return [
        told("one metric of both GPUs as a table", seconds, "s", note=f"; {rows:,} rows, {mb:.0f} MB"),
        told("requests and rounds as tables", others, "s", note=f"; {others_mb:.0f} MB"),
    ]


def _cut_off(path: Path) -> Row:
    """Nobody has told its summary: it follows from the samples."""
    cut = path.with_name("cut.jsonl")
    shutil.copy(path, cut)
    os.truncate(cut, cut.stat().st_size - 100)
    seconds, mb, _ = alone(cut, _SUMMARY)
    cut.unlink()
    return told("the summary of one that was cut off at its end", seconds, "s", note=f"; {mb:.0f} MB")


def _checked(path: Path) -> list[Row]:
    seconds, mb, verdict = alone(path, _CHECK)
    return [
        fact(
            "check: figures in it follow from its samples, to the last bit",
            "good",
            verdict == "good",
            measured=str(verdict),
        ),
        told("  working them out", seconds, "s", note=f"; {mb:.0f} MB"),
        _cut_off(path),
    ]
