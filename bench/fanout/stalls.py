"""Viewers that never read and viewers that read too slowly, among five hundred that do as they should."""

import time
from pathlib import Path
from statistics import fmean

from bench.fanout.tools import Child, load, resident_kb, serve
from bench.figures import Row, fact, most, told
from bench.show import open_files

HEALTHY, NEVER, SLOW = 475, 5, 20
SECONDS = 60
SLOW_MS = 150  # a third of 20 Hz
FLAT_KB = 1024
EDGE_SECONDS = 5
GROUPS = (f"healthy:{HEALTHY}:10:0:stay", f"never:{NEVER}:0:0:never", f"slow:{SLOW}:10:{SLOW_MS}:stay")


def stalls(folder: Path) -> list[Row]:
    """All of them at the same server for a minute."""
    with serve("ours") as server, load(folder, server.first, *GROUPS) as viewers:
        resident = watch(server, SECONDS)
        told_of = viewers.ask()["groups"]
        counted = server.ask()
        files = open_files(server.process.pid).total()
    healthy, slow = told_of["healthy"], told_of["slow"]
    missed = healthy["gaps"] + healthy["told"] + healthy["dropped"]
    growth = fmean(resident[-EDGE_SECONDS:]) - fmean(resident[:EDGE_SECONDS])
    return [
        fact(
            f"{NEVER} of {HEALTHY + NEVER + SLOW} never read: the others miss",
            "nothing",
            missed == 0 and healthy["open"] == HEALTHY,
            measured=f"{missed} of {healthy['frames']} frames",
        ),
        fact(
            f"  evicted in {SECONDS} s", f"all {NEVER}", counted["evicted"] == NEVER, measured=str(counted["evicted"])
        ),
        most(f"  memory over {SECONDS} s", growth, FLAT_KB, "kB more", digits=0),
        told("  descriptors at the end", files, f"for {counted['viewers']} viewers", digits=0),
        most(
            f"{SLOW} read a third of the rate: oldest seen",
            slow["max_ms"] / 1000,
            1.5,
            "s",
            note=f" (p50 {slow['p50_ms'] / 1000:.2f})",
        ),
        fact(
            "  every frame came or was told as missed",
            "yes",
            slow["gaps"] == 0 and slow["told"] > 0 and slow["open"] == SLOW,
            measured=f"{slow['frames']} came, {slow['told']} told",
        ),
    ]


def watch(server: Child, seconds: int) -> list[float]:
    """Its resident memory in kB, once a second."""
    found = []
    for _ in range(seconds):
        time.sleep(1)
        found.append(float(resident_kb(server.process.pid)))
    return found
