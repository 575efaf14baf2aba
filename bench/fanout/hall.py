"""A thousand viewers at a real race on the simulated device: CPU, gaps, what the sampler notices, memory."""

import json
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.fanout.tools import BYTES, cores, cpu_seconds, load, measured, pin, serve
from bench.figures import Row, fact, most, quantile, told
from bench.latency import within
from bench.show import Show, serving
from engine.documents import Page
from engine.recording import Reader

VIEWERS, PAIRS, SECONDS = 1000, 4, 6.0
SETTLE_SECONDS = 1.0
Span = tuple[int, int]


@dataclass
class Watched:
    """One stretch of the race with the hall full, and the one before it without anybody."""

    cpu_percent: float
    got: dict[str, Any]
    span: Span
    alone_percent: float
    alone_span: Span


def hall(folder: Path) -> list[Row]:
    """By turns without and with viewers, in one race."""
    with serving("--rounds", "400") as race:
        recording = race.recording()
        race.wait_racing(recording)
        pin(race.process.pid, cores()[0])  # the race, the sampler and the arms stay where the system puts them
        url = race.address()
        turns = [watched(folder, race, url) for _ in range(PAIRS)]
        time.sleep(0.5)
        pages = [page for page in Reader(recording) if isinstance(page, Page)]
    return rows(turns, [floor_percent(folder) for _ in range(PAIRS)], pages)


def watched(folder: Path, race: Show, url: str) -> Watched:
    """By turns nobody and everybody."""
    time.sleep(SETTLE_SECONDS)
    first, spent_before, since = run_t_ns(url), cpu_seconds(race.process.pid), time.monotonic()
    time.sleep(SECONDS)
    alone_percent = 100 * (cpu_seconds(race.process.pid) - spent_before) / (time.monotonic() - since)
    alone_span = (first, run_t_ns(url))
    with load(folder, url.rpartition(":")[2], f"hall:{VIEWERS}:10:0:stay") as viewers:
        time.sleep(SETTLE_SECONDS)
        begun = run_t_ns(url)
        spent, seconds, groups = measured(race.process.pid, viewers, SECONDS)
        return Watched(100 * spent / seconds, groups["hall"], (begun, run_t_ns(url)), alone_percent, alone_span)


def floor_percent(folder: Path) -> float:
    """What the C loop takes to send as many frames to as many: on this machine nothing that sends takes less."""
    with serve("floor", folder=folder) as server, load(folder, server.first, f"hall:{VIEWERS}:0:0:stay") as viewers:
        time.sleep(SETTLE_SECONDS)
        spent, seconds, _ = measured(server.process.pid, viewers, SECONDS / 2)
    return 100 * spent / seconds


def run_t_ns(url: str) -> int:
    """Now, on the clock of the recording."""
    with urllib.request.urlopen(f"{url}/api/run", timeout=5) as answer:
        now: int = json.loads(answer.read())["run_t_ns"]
    return now


def rows(crowds: list[Watched], floor: list[float], pages: list[Page]) -> list[Row]:
    got = [crowd.got for crowd in crowds]
    cpu = median(crowd.cpu_percent for crowd in crowds)
    gaps = sum(each["gaps"] + each["told"] + each["dropped"] for each in got)
    frames = sum(each["frames"] for each in got)
    size = sum(each["bytes"] for each in got) / max(1, sum(each["messages"] for each in got))
    late = [(lateness(pages, crowd.alone_span), lateness(pages, crowd.span)) for crowd in crowds]
    return [
        most(
            f"{VIEWERS} viewers of a race: server's CPU",
            cpu,
            30,
            "% of a core",
            digits=1,
            note=f" ({size:.0f} bytes a frame)",
        ),
        told("  the same race without viewers", median(crowd.alone_percent for crowd in crowds), "% of a core"),
        told(f"  a C epoll loop that sends {BYTES} bytes to as many", median(floor), "% of a core"),
        fact(f"{VIEWERS} viewers of a race: gaps", "none", gaps == 0, measured=f"{gaps} in {frames} frames"),
        told(
            f"{VIEWERS} viewers of a race, two frames at a time: delivery p50",
            median(each["p50_ms"] for each in got),
            "ms",
        ),
        told(
            f"{VIEWERS} viewers of a race, two frames at a time: delivery p99",
            median(each["p99_ms"] for each in got),
            "ms",
        ),
        *(lateness_row(late, name, share) for name, share in (("p50", 0.5), ("p90", 0.9))),
    ]


def lateness_row(late: list[tuple[list[float], list[float]]], name: str, share: float) -> Row:
    pairs = [(quantile(without, share), quantile(crowded, share)) for without, crowded in late]
    without, crowded = (median(each) for each in zip(*pairs, strict=True))
    ratio = median(with_them / none for none, with_them in pairs)
    return most(
        f"sampler lateness {name}, with over without", ratio, 1.2, "x", note=f" ({crowded:.0f} over {without:.0f} us)"
    )


def lateness(pages: list[Page], span: Span) -> list[float]:
    return [value for _, value in within(pages, "sampler", "sampler_lateness_microseconds", span)]


# -- memory


def memory(folder: Path) -> list[Row]:
    """Resident memory of the same server without a race, after a collection, over the viewers it serves."""
    with serve("ours") as server:
        before = settled(server.ask)
        with load(folder, server.first, f"hall:{VIEWERS}:10:0:stay"):
            full = settled(server.ask)
        emptied = settled(server.ask)
    return [
        most("memory a viewer", (full - before) / VIEWERS, 30, "kB", digits=1),
        told("  kept when all have left", (emptied - before) / VIEWERS, "kB a viewer"),
    ]


def settled(ask: Any) -> int:
    time.sleep(2)
    kilobytes: int = ask()["resident_kb"]
    return kilobytes
