"""A long recording replayed at twenty times real time (the fastest there is), with viewers coming and going."""

import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from statistics import fmean

from bench.fanout.long import make
from bench.fanout.tools import cores, load, pin, resident_kb
from bench.figures import Row, fact, most, told
from bench.show import Show, open_files, show, wait_until
from server.backlog import KEPT_SECONDS

SPEED, VIEWERS = 20, 200
FIRST_VIEWERS, FIRST_STAY = 5, 3.0
FIRST_SECONDS = 600.0  # of the recording: what may still grow
GROWTH_KB = 5 * 1024


def soak(folder: Path, hours: float = 1.0) -> list[Row]:
    """The server's memory and descriptors meanwhile."""
    recording = make(folder, hours)
    with show("replay", str(recording), "--speed", str(SPEED), "--no-browser", "--port", "0") as replay:
        url = replay.address(seconds=60)
        pin(replay.process.pid, cores()[0])
        files = at_rest(folder, replay, url)
        with load(folder, url.rpartition(":")[2], f"hall:{VIEWERS}:10:0:churn") as hall:
            resident = watch(replay, hours * 3600 / SPEED)
            got = hall.ask()["groups"]["hall"]
        left = gone(replay, files)
    first = round(max(FIRST_SECONDS / SPEED, KEPT_SECONDS + 5))  # the frames kept for who comes back go by the wall
    growth = fmean(resident[-10:]) - fmean(resident[first : first + 10])
    megabytes = recording.stat().st_size / 1e6
    return [
        told(
            "soak: recording",
            hours,
            "h",
            note=f" ({megabytes:.0f} MB) at {SPEED} x; {got['visits']} visits, {got['frames']} frames",
        ),
        most("  server's memory after 10 minutes, and with its kept frames", growth, GROWTH_KB, "kB more", digits=0),
        told("  server's memory before that", resident[first] - resident[0], "kB more", digits=0),
        fact("  descriptors left when all have gone", "none", not left, measured=words(left)),
        fact("  gaps", "none", got["gaps"] == 0, measured=str(got["gaps"])),
    ]


def watch(replay: Show, seconds: float) -> list[float]:
    """Its resident memory in kB, once a second."""
    found = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(1)
        found.append(float(resident_kb(replay.process.pid)))
    return found


def at_rest(folder: Path, replay: Show, url: str) -> Counter[str]:
    """What the server has open when it plays and its first viewers have gone: what it opens once and keeps, too."""
    with load(folder, url.rpartition(":")[2], f"first:{FIRST_VIEWERS}:10:0:stay"):
        time.sleep(FIRST_STAY)
    time.sleep(FIRST_STAY)
    return open_files(replay.process.pid)


def gone(replay: Show, files: Counter[str]) -> Counter[str]:
    """Which descriptors are open that were not before the viewers came."""
    with suppress(AssertionError):  # the row says so
        wait_until(lambda: not open_files(replay.process.pid) - files, seconds=10, what="the viewers have left")
    return open_files(replay.process.pid) - files


def words(left: Counter[str]) -> str:
    """How many descriptors of what."""
    return ", ".join(f"{number} {what}" for what, number in left.items()) or "none"
