"""Whether a stalled server or a crowd of viewers reaches what is measured: `python bench/isolation.py`.

The same race with nothing, with the server stopped for 300 ms again and again, and with 50 viewers who come and go;
by turns, and compared by the races' own recordings. A figure counts as unchanged when its median over the
repetitions is at most a tenth above that of the undisturbed races, or within what these themselves reached, or
less than 50 us above (half a percent of the sampling period: below that, ratios compare two kinds of nothing). No more
samples may be lost than in the undisturbed races.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from figures import Row, finish, most, options, told
from latency import LOST, latencies
from show import Show, serving, wait_until

REPETITIONS = 3
STOPPED_SECONDS, RUNNING_SECONDS = 0.3, 0.7
TOLERANCE = 1.1
UNSEEN = {"us": 50.0, "ms": 0.05}
VIEWERS = 50
CROWD = Path(__file__).with_name("viewers.py")
CPU, STRENGTH = "CPU of the server, s", "stops, or viewers there at the end"
RACE_SECONDS = 60.0
STOP_BYTES = 1 << 18

Figures = dict[str, list[float]]
Strength = Callable[[], float]
Disturbance = Callable[[Show], AbstractContextManager[Strength]]


@contextmanager
def stalls(running: Show) -> Iterator[Strength]:
    """The server process alone is stopped and continued; its race is another process."""
    over = threading.Event()
    stops: list[int] = []
    worker = threading.Thread(target=stall, args=(running.process, over, stops))
    worker.start()
    try:
        yield lambda: len(stops)
    finally:
        over.set()
        worker.join()


def stall(process: "subprocess.Popen[bytes]", over: threading.Event, stops: list[int]) -> None:
    while not over.wait(RUNNING_SECONDS) and process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        stops.append(process.pid)
        over.wait(STOPPED_SECONDS)
        process.send_signal(signal.SIGCONT)


@contextmanager
def viewers(running: Show) -> Iterator[Strength]:
    url = running.address()
    crowd = subprocess.Popen([sys.executable, str(CROWD), url.replace("http", "ws", 1) + "/ws", str(VIEWERS)])
    try:
        yield lambda: watching(url)
    finally:
        crowd.kill()
        crowd.wait()


def watching(url: str) -> float:
    """How many viewers the server has now."""
    with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
        return float(json.load(answer)["viewers"])


CONDITIONS: dict[str, Disturbance] = {
    "undisturbed": lambda running: nullcontext(lambda: 0.0),
    "server stopped for 300 ms": stalls,
    f"{VIEWERS} viewers": viewers,
}


def main() -> None:
    arguments = options(__doc__).parse_args()
    found: dict[str, Figures] = {name: {} for name in CONDITIONS}
    for _ in range(REPETITIONS):
        for name, disturbance in CONDITIONS.items():
            for what, value in raced(disturbance).items():
                found[name].setdefault(what, []).append(value)
    finish(rows(found), arguments.json)


def raced(disturbance: Disturbance) -> dict[str, float]:
    """One race under one disturbance, to its end."""
    with serving() as running:
        recording = running.recording()
        running.wait_racing(recording)
        cpu = server_cpu_seconds(running)
        with disturbance(running) as strength:
            wait_until(lambda: ended(recording), seconds=RACE_SECONDS, what="the race has ended")
            strong = strength()
        cpu = server_cpu_seconds(running) - cpu
        return {**latencies(recording), CPU: cpu, STRENGTH: strong}


def ended(recording: Path) -> bool:
    """Whether the recording's last line is its stop, which tells every round; only the end is read each time."""
    with recording.open("rb") as file:
        file.seek(max(0, recording.stat().st_size - STOP_BYTES))
        return b'{"type":"stop"' in file.read()


def server_cpu_seconds(running: Show) -> float:
    fields = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rows(found: dict[str, Figures]) -> list[Row]:
    base_name, *others = found
    base = found[base_name]
    lines: list[Row] = []
    for what, values in base.items():
        middle = statistics.median(values)
        note = f" ({min(values):.3g} to {max(values):.3g})"
        lines.append(told(f"{what}, {base_name}", middle, "", digits=3, note=note))
        lines += [compared(what, name, values, found[name][what]) for name in others]
    return lines


def compared(what: str, name: str, base: list[float], values: list[float]) -> Row:
    middle, usual = statistics.median(values), statistics.median(base)
    title = f"  {what}, {name}"
    if what in (CPU, STRENGTH):
        return told(title, middle, "", digits=3)
    if what == LOST:
        return most(title, middle, max(base), "", digits=2)
    ratio = middle / usual if usual else 1.0
    holds = ratio <= TOLERANCE or middle <= max(base) or middle - usual < UNSEEN[what.split()[-2]]
    return Row(title, f"{middle:.3f} (x {ratio:.2f})", middle, "unchanged", holds)


if __name__ == "__main__":
    main()
