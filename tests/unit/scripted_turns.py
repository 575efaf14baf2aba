"""Scripted entrants on a stage: the turns of a race without any arm, for the tests of engine/turns."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.clock import MonotonicClock
from engine.config import Demo
from engine.documents import Document, Mark, MarkKind, Page, Start
from engine.errors import ArmError
from engine.loadgen import RoundLoad, over_or_cut
from engine.narrator import Narrator
from engine.recording import Recorder
from engine.turns import Entrant, Turns


class Scripted:
    """An entrant that notes what it is asked; `fails` maps a word ("wake", "round 3") to what is raised or told."""

    slots: int | None = 2
    concurrency: int | None = 8

    def __init__(self, label: str, stage: "Stage") -> None:
        self.label, self._stage = label, stage
        self.fails: dict[str, str] = {}
        self.sleeps = False

    async def wake(self) -> None:
        self._note("wake")

    async def rest(self) -> None:
        self._note("rest")
        self._stage.narrator.arm_state(self.label, "asleep" if self.sleeps else "resting")

    async def warm_up(self, until_ns: int) -> None:
        self._note("warm up")
        if "hang warm up" in self.fails:
            self._stage.hanging.set()
            await asyncio.Event().wait()

    def _note(self, word: str) -> None:
        self._stage.said.append(f"{self.label} {word}")
        if word in self.fails:
            raise ArmError(self.label, self.fails[word])

    async def round(
        self, number: int, until: int | asyncio.Event, *, requests: int | None = None, cut: asyncio.Event | None = None
    ) -> RoundLoad:
        clock = self._stage.narrator.clock
        load = RoundLoad(self.label, number, begun_ns=clock.now_ns())
        self._stage.said.append(f"{self.label} round {number}")
        self._stage.busy.add(self.label)
        self._stage.together.add("".join(sorted(self._stage.busy)))
        try:
            if f"hang {number}" in self.fails:
                self._stage.hanging.set()
                load.cut = await over_or_cut(clock, asyncio.Event(), cut)
            elif isinstance(until, int):
                load.cut = await over_or_cut(clock, until, cut)
            else:
                load.finished_ns = [clock.now_ns() + n for n in range(requests or 0)]
                await asyncio.sleep(0.01)
        finally:
            self._stage.busy.discard(self.label)
        load.problem = self.fails.get(f"round {number}")
        load.cutoff_ns = clock.now_ns()
        return load


class Stage:
    """A narrator, scripted entrants, and what they and the narrator said."""

    def __init__(self, path: Path, arms: int = 2, workload: dict[str, Any] | None = None, **schedule: Any) -> None:
        self.demo = Demo.model_validate(
            {
                "title": "t",
                "model": {"gpu": "m"},
                "workload": workload or {},
                "schedule": {"round_seconds": 0.5, "baseline_seconds": 0, "rounds": 4, **schedule},
                "arms": [{"name": f"arm {n}", "runtime": "simulated"} for n in range(arms)],
            }
        )
        self.said: list[str] = []
        self.together: set[str] = set()
        self.busy: set[str] = set()
        self.hanging = asyncio.Event()
        self.documents: list[Document] = []
        self.recorder = Recorder(path).__enter__()
        self.narrator = Narrator(MonotonicClock(time.monotonic_ns()), self.recorder, on_loss=lambda error: None)
        self.narrator.sinks.append(self.documents.append)
        self.arms = {label: Scripted(label, self) for label in self.demo.labels}

    def turns(self, decided: Callable[[], bool] = lambda: False) -> Turns:
        arms = [{"label": a, "name": a, "runtime": "simulated", "devices": ["gpu0"]} for a in self.arms]
        start = {"run": "r", "utc": "", "seed": 1, "demo": {}, "arms": arms, "provenance": {}, "simulated": {}}
        self.narrator.emit(Start.model_validate(start))
        entrants: dict[str, Entrant] = dict(self.arms)
        return Turns(self.demo, entrants, self.narrator, decided=decided)

    def marks(self, kind: MarkKind) -> list[Mark]:
        return [each for each in self.documents if isinstance(each, Mark) and each.kind is kind]

    def celsius(self, value: float, device: str = "gpu0") -> None:
        """The device tells its temperature."""
        data: dict[str, list[Any]] = {"temperature_celsius": [value]}
        self.narrator.emit(Page(stream=f"{device}.slow", t_ns=[self.narrator.clock.now_ns()], data=data))

    @property
    def rounds(self) -> str:
        return "".join(each[0] for each in self.said if "round" in each)
