"""What `kill -9` of the race, and of the server, leaves behind: `python bench/crash.py`."""

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

from figures import Row, fact, finish, most, options
from show import DEMO, WATTRACE, Show, serving, show

TRIES = 3
LIMIT_SECONDS = 5.0
RACE_SECONDS = 2.0  # of racing before the kill, so that there is something to lose
LONG = DEMO.replace("rounds: 4", "rounds: 100")


def main() -> None:
    arguments = options(__doc__).parse_args()
    races = [killed_race() for _ in range(TRIES)]
    servers = [killed_server() for _ in range(TRIES)]
    finish([*summed("race", races), *summed("server", servers)], arguments.json)


def killed_race() -> list[Row]:
    """Kill a race whose documents we read, and compare what we got with what its file has."""
    with show(
        "run", "DEMO", "--stream", "--out", "OUT", demo=LONG, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        received: list[bytes] = []
        reader = threading.Thread(target=read_all, args=(running, received))
        reader.start()
        recording = running.folder / "race.jsonl"
        running.wait_racing(recording)
        time.sleep(RACE_SECONDS)
        took, had = kill(running)
        reader.join(10)
        return [gone(took, had), *kept(b"".join(received), recording), told_as_cut(recording)]


def read_all(running: Show, received: list[bytes]) -> None:
    assert running.process.stdout is not None
    while chunk := os.read(running.process.stdout.fileno(), 1 << 16):
        received.append(chunk)


def kept(streamed: bytes, recording: Path) -> list[Row]:
    """Whatever left the process must be in the file: it is appended first."""
    content = recording.read_bytes()
    # Only if it is no beginning of the file is it worth knowing where they part.
    lost = 0 if content.startswith(streamed) else len(streamed) - alike(streamed, content)
    what = f"{lost} of {len(streamed)} bytes lost; the file has {len(content)}"
    return [
        fact("streamed documents that the file lacks", "none", lost == 0 and len(streamed) > 0, measured=what),
        fact("the file ends with a whole line", "yes", content.endswith(b"\n")),
    ]


def alike(streamed: bytes, content: bytes) -> int:
    pairs = enumerate(zip(streamed, content, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(streamed), len(content)))


def told_as_cut(recording: Path) -> Row:
    asked = subprocess.run(
        [WATTRACE, "compare", str(recording), "--json"], capture_output=True, text=True, timeout=30, check=False
    )
    opens = asked.returncode == 0 and json.loads(asked.stdout)["complete"] is False
    return fact("it opens, and says that it was cut off", "yes", opens)


def killed_server() -> list[Row]:
    with serving(demo=LONG) as running:
        recording = running.recording()
        running.wait_racing(recording)
        time.sleep(RACE_SECONDS)
        took, had = kill(running)
        return [gone(took, had), *stopped(recording)]


def stopped(recording: Path) -> list[Row]:
    documents = [json.loads(line) for line in recording.read_bytes().splitlines()]
    last = documents[-1]
    rows: Counter[str] = Counter()
    for page in (each for each in documents if each["type"] == "page"):
        rows[page["stream"]] += len(page["t_ns"])
    reason = last.get("reason", "") if last["type"] == "stop" else f"it ends with a {last['type']}"
    return [
        fact("the race writes its stop document", "yes", last["type"] == "stop", measured=reason),
        fact("rows in the file are the rows that stop counts", "yes", dict(rows) == last.get("counts")),
    ]


def kill(running: Show) -> tuple[float, int]:
    """Kill the process that we started; seconds until everything that it had started is gone, and how many."""
    had = len(running.living())
    begun = time.monotonic()
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    while running.living() and time.monotonic() - begun < 2 * LIMIT_SECONDS:
        time.sleep(0.01)
    return time.monotonic() - begun, had


def gone(seconds: float, had: int) -> Row:
    return most("until every process of it is gone", seconds, LIMIT_SECONDS, "s", note=f" ({had} processes)")


def summed(name: str, tries: list[list[Row]]) -> list[Row]:
    """The worst of the tries of each row."""
    worst = [min(same, key=lambda row: (row.holds is True, -(row.value or 0))) for same in zip(*tries, strict=True)]
    return [Row(f"kill -9 of the {name}: {row.what}", row.measured, row.value, row.asked, row.holds) for row in worst]


if __name__ == "__main__":
    main()
