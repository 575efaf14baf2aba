"""What integration tests share: the installed command, and a demo that is over soon."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.lab import Lab
from integration.processes import WATTRACE, living, marked_environment, wait_until

SHORT_DEMO = """
title: A short race
learn: Nothing, it is a test.
model: {{gpu: Qwen/Qwen2.5-1.5B-Instruct}}
workload: {{max_tokens: 24, concurrency: 4}}
schedule: {{round_seconds: {seconds}, rounds: {rounds}, baseline_seconds: 0.3, warm_up_seconds: 0}}
arms:
  - {{name: one, runtime: simulated, args: {{max_num_seqs: 1}}{first}}}
  - {{name: four, runtime: simulated, args: {{max_num_seqs: 4}}{second}}}
"""


class Races:
    """Starts `wattrace` processes in a folder of their own, and knows all that they started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark, self.environment = marked_environment(
            XDG_DATA_HOME=str(folder / "data"), XDG_CACHE_HOME=str(folder / "cache")
        )
        self._started: list[subprocess.Popen[bytes]] = []

    def demo(self, *, rounds: int = 2, seconds: float = 1.0, first: str = "", second: str = "") -> str:
        """A short demo's file; `first` and `second` are added to the arms' mappings."""
        file = self.folder / "short.yaml"
        file.write_text(SHORT_DEMO.format(rounds=rounds, seconds=seconds, first=first, second=second))
        return str(file)

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
        """Start a command in the background."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.PIPE}
        process = subprocess.Popen([*WATTRACE, *arguments], env=self.environment, **{**pipes, **options})
        self._started.append(process)
        return process

    def run(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*WATTRACE, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def processes(self, part: str = "") -> dict[int, str]:
        """What of ours is alive and has `part` in its command line."""
        return {pid: line for pid, line in living(self.mark).items() if part in line}

    def end(self) -> None:
        """End what is left, and see that it went."""
        for process in self._started:
            if process.poll() is None:
                process.terminate()
            process.communicate()
        wait_until(lambda: not self.processes(), what="every process of the test has ended")


@pytest.fixture
def races(tmp_path: Path) -> Iterator[Races]:
    """A place to race, left clean."""
    place = Races(tmp_path)
    yield place
    place.end()


@pytest.fixture
def lab(tmp_path: Path, fake_nvml_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A place to measure on scripted GPUs, left clean."""
    place = Lab(tmp_path, fake_nvml_folder, monkeypatch)
    yield place
    place.end()


@pytest.fixture
def waiting() -> Callable[..., None]:
    """`wait_until`, for tests that take it as a fixture."""
    return wait_until
