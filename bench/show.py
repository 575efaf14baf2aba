"""A real `wattrace` process for the bench, in a folder of its own, of which nothing is left afterwards."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from integration.processes import living, marked_environment, open_files, wait_until

__all__ = ["DEMO", "WATTRACE", "Show", "open_files", "serving", "show", "wait_until"]
WATTRACE = str(Path(sys.executable).with_name("wattrace"))
END_SECONDS = 15.0
DEMO = """
title: Batch 1 against batch 8
learn: One read of the weights serves eight answers instead of one.
model: {gpu: Qwen/Qwen2.5-1.5B-Instruct}
workload: {max_tokens: 64, concurrency: 8}
schedule: {round_seconds: 3, rounds: 4, baseline_seconds: 0.5}
arms:
  - {name: batch 1, runtime: simulated, args: {max_num_seqs: 1}}
  - {name: batch 8, runtime: simulated, args: {max_num_seqs: 8}}
"""


class Show:
    """One `wattrace ARGUMENTS` and all that it starts, found again by a mark in their environment."""

    def __init__(self, folder: Path, *arguments: str, **pipes: int) -> None:
        self.folder, self.arguments = folder, arguments
        self.mark, environment = marked_environment(
            WATTRACE_DATA=str(folder / "data"), XDG_CACHE_HOME=str(folder / "cache")
        )
        self.output = folder / "output"
        with self.output.open("wb") as output:
            # The words of the process are kept, to be shown when it fails.
            streams = {"stdin": subprocess.DEVNULL, "stdout": output.fileno(), **pipes}
            self.begun = time.monotonic()
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [WATTRACE, *arguments],
                env=environment,
                stderr=output,
                stdin=streams["stdin"],
                stdout=streams["stdout"],
            )

    def address(self, seconds: float = 20) -> str:
        """Where it serves, as it announces it within `seconds`."""
        wait_until(
            lambda: self.process.poll() is not None or self._watch(),
            seconds=seconds,
            what="the server has announced itself",
        )
        assert self.process.poll() is None, self.output.read_text()
        return self._watch()

    def _watch(self) -> str:
        found = re.search(r"watch\s+(\S+?)/?\s", self.output.read_text())
        return found[1] if found else ""

    def recording(self) -> Path:
        """The file that the race writes, as soon as it is there."""
        folder = self.folder / "data" / "recordings"
        wait_until(lambda: list(folder.glob("*.jsonl")), what="the recording has begun")
        return next(folder.glob("*.jsonl"))

    def wait_racing(self, recording: Path, *, seconds: float = 20) -> None:
        """Until the first token of the first turn has come."""
        wait_until(
            lambda: recording.exists() and b'"request_first_token"' in recording.read_bytes(),
            seconds=seconds,
            what="the race has begun",
        )

    def living(self) -> dict[int, str]:
        """What of it is alive, by process id."""
        return living(self.mark)

    def end(self) -> None:
        """End it as Ctrl-C does, and by force whatever is left of it then."""
        if self.process.poll() is None:
            self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        for pid in self.living():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def show(*arguments: str, demo: str = DEMO, **pipes: int) -> Iterator[Show]:
    """`wattrace ARGUMENTS`, where DEMO stands for the bench's demo file and OUT for a recording's."""
    with tempfile.TemporaryDirectory(prefix="wattrace-bench-") as name:
        folder = Path(name)
        (folder / "bench.yaml").write_text(demo)
        places = {"DEMO": str(folder / "bench.yaml"), "OUT": str(folder / "race.jsonl")}
        running = Show(folder, *(places.get(word, word) for word in arguments), **pipes)
        try:
            yield running
        finally:
            running.end()


@contextmanager
def serving(*extra: str, demo: str = DEMO) -> Iterator[Show]:
    """`wattrace demo` on the bench's demo, racing at once, on a free port."""
    with show("demo", "DEMO", "--autostart", "--no-browser", "--port", "0", *extra, demo=demo) as running:
        yield running
