"""A race's lineup without its sampler and schedule: real arms, and everything that they tell."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.clock import NS, MonotonicClock
from engine.config import parse_demo
from engine.documents import Document, Mark, MarkKind, Page, Start
from engine.errors import ArmError
from engine.leash import descends
from engine.lineup import Lineup
from engine.narrator import Narrator
from engine.plan import Plan, make_plan
from engine.recording import Recorder

RUDE_SERVER = Path(__file__).parents[1] / "rude_server.py"


@dataclass
class Stage:
    """What a test has in hand while the arms are up."""

    plan: Plan
    narrator: Narrator
    lineup: Lineup
    told: list[Document]
    deaths: list[ArmError] = field(default_factory=list)

    def in_seconds(self, seconds: float) -> int:
        return self.narrator.clock.now_ns() + round(seconds * NS)

    def marks(self, kind: MarkKind) -> list[Mark]:
        return [mark for mark in self.told if isinstance(mark, Mark) and mark.kind == kind]

    def states(self, label: str) -> list[str | None]:
        return [mark.state for mark in self.marks(MarkKind.ARM) if mark.arm == label]

    def rows(self, stream: str, column: str) -> list[Any]:
        pages = [page for page in self.told if isinstance(page, Page) and page.stream == stream]
        return [value for page in pages for value in page.data[column]]


@contextlib.asynccontextmanager
async def staged(
    folder: Path,
    arms: str,
    *,
    more: str = "device: cpu",
    simulate: bool = False,
    around: Callable[[Stage], AbstractAsyncContextManager[None]] = contextlib.nullcontext,
) -> AsyncIterator[Stage]:
    """The arms (YAML, a list) brought up; power is simulated, so that their plan has devices.

    `around` goes on from before they are until after they were.
    """
    folder.mkdir(exist_ok=True)
    demo = parse_demo(f"title: T\n{more}\narms:\n{arms}", file="test")
    plan = make_plan("test", demo, folder=folder, simulate=simulate, power="simulated")
    told: list[Document] = []
    deaths: list[ArmError] = []
    with Recorder(folder / "race.jsonl") as recorder:
        narrator = Narrator(MonotonicClock(MonotonicClock().now_ns()), recorder, on_loss=print)
        narrator.sinks.append(told.append)
        devices: Any = {"devices": [{"index": 0}, {"index": 1}]}
        narrator.emit(
            Start(
                run="test",
                utc="",
                seed=7,
                demo=demo.model_dump(mode="json"),
                arms=plan.arm_infos(devices),
                provenance={},
                simulated={"power": True, "arms": plan.simulated_arms},
            )
        )
        lineup = Lineup(plan, narrator, on_death=deaths.append, log_stem=folder / "log")
        stage = Stage(plan, narrator, lineup, told, deaths)
        async with around(stage), lineup:
            yield stage


def descendants(pid: int) -> dict[int, str]:
    """The living processes that `pid` has started, and those that they have, with their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if int(folder.name) != pid and state != "Z" and descends(int(folder.name), {pid}):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


class RudeServer:
    """`rude_server.py` in these modes; leaving the block kills it."""

    def __init__(self, *modes: str, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._command = [sys.executable, str(RUDE_SERVER), str(self.port), *modes]
        self._environment = {**os.environ, **environment}

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(self._command, env=self._environment)
        while not self._answers():
            assert self.process.poll() is None, "the server has ended"
        return self

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/nothing", timeout=10):
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return True
        except OSError:
            return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
