"""The bench's processes: built, pinned, asked, stopped and looked at."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FLAGS = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]
HERTZ, BYTES = 20, 1024
NS_PER_S = 1e9


class NoCompiler(Exception):
    """There is no C compiler to build the load with."""


@contextmanager
def built() -> Iterator[Path]:
    """A folder with the programs `load` and `floor`."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise NoCompiler("no C compiler (gcc or cc) to build the load with")
    with tempfile.TemporaryDirectory(prefix="wattrace-fanout-") as name:
        folder = Path(name)
        for program, sources in {"load": ["load.c", "viewer.c"], "floor": ["floor.c"]}.items():
            paths = [str(HERE / source) for source in sources]
            subprocess.run([compiler, *FLAGS, "-o", str(folder / program), *paths], check=True)
        yield folder


def cores() -> tuple[int, int]:
    """One for the server, and one for the load; the same where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def pin(pid: int, core: int) -> None:
    """Every thread of the process, and those that it begins later."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


class Child:
    """A process on one core that answers lines on its stdin by lines of JSON; `with` ends it."""

    def __init__(self, command: list[str], core: int) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        pin(self.process.pid, core)
        self.first = self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait(5)}")
        return line

    def ask(self) -> dict[str, Any]:
        """Its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write("tell\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def serve(kind: str, *settings: str, folder: Path | None = None) -> Child:
    """One of `servers.py`, or the C floor from `folder`, on the server's core; its first line is its port."""
    numbers = [str(HERTZ), str(BYTES)]
    if kind == "floor":
        assert folder is not None
        return Child([str(folder / "floor"), *numbers], cores()[0])
    return Child([sys.executable, str(HERE / "servers.py"), kind, *numbers, *settings], cores()[0])


def load(folder: Path, port: int | str, *groups: str) -> Child:
    """Viewers on the load's core, once all of them have been let in."""
    return Child([str(folder / "load"), str(port), *groups], cores()[1])


def cpu_seconds(pid: int) -> float:
    """What the process has run so far, all its threads, exactly (not counted in ticks)."""
    folder = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in folder.iterdir()) / NS_PER_S


def resident_kb(pid: int) -> int:
    """The process's resident memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def measured(server_pid: int, viewers: Child, seconds: float) -> tuple[float, float, dict[str, Any]]:
    """Over `seconds`: CPU seconds of the server, seconds, and what each group of viewers received."""
    begun = viewers.ask()["t_ns"]
    before = cpu_seconds(server_pid)
    time.sleep(seconds)
    spent = cpu_seconds(server_pid) - before
    told = viewers.ask()
    return spent, (told["t_ns"] - begun) / NS_PER_S, told["groups"]
