"""The turns of a race: warm-up, idle baseline, and the rounds with cool-downs between them."""

import asyncio
from collections.abc import Mapping

from pydantic import JsonValue

from engine.clock import NS
from engine.config import Demo
from engine.documents import Mark, MarkKind
from engine.loadgen import LoadGenerator
from engine.narrator import Narrator
from engine.schedule import Turn, alternate

_WARM_UP_REQUESTS = 2


class Turns:
    """Runs `demo`'s schedule on the load generators of arms that are ready."""

    def __init__(self, demo: Demo, loads: Mapping[str, LoadGenerator], narrator: Narrator) -> None:
        self._demo, self._loads, self._narrator = demo, loads, narrator
        self._first_celsius: float | None = None

    async def warm_up(self) -> None:
        """A few answers from each arm, so that caches and clocks are up before anything counts."""
        self._narrator.phase("warming")
        for load in self._loads.values():
            await load.warm_up(requests=_WARM_UP_REQUESTS)

    async def baseline(self) -> None:
        """Leave the device idle, with the arms loaded, for as long as the demo asks."""
        seconds = self._demo.schedule.baseline_seconds
        if seconds > 0:
            clock = self._narrator.clock
            self._narrator.phase("baseline", seconds)
            await clock.wait_until(clock.now_ns() + round(seconds * NS))

    async def rounds(self) -> None:
        """Every round in its order."""
        for turn in alternate(self._demo.labels, self._demo.schedule.rounds):
            await self._cool_down()
            await self._round(turn)
        self._narrator.phase("done")

    async def _cool_down(self) -> None:
        """Wait until the GPU is about as cool as it was before the first turn, or the time for it is over."""
        schedule, clock = self._demo.schedule, self._narrator.clock
        celsius = self._celsius()
        if self._first_celsius is None or celsius is None or schedule.cooldown_celsius is None:
            self._first_celsius = self._first_celsius or celsius
            return
        goal = self._first_celsius + schedule.cooldown_celsius
        if celsius <= goal:
            return
        deadline = clock.now_ns() + round(schedule.cooldown_timeout_seconds * NS)
        self._narrator.phase("cooling", schedule.cooldown_timeout_seconds)
        while (celsius := self._celsius()) is not None and celsius > goal and clock.now_ns() < deadline:
            await asyncio.sleep(0.1)

    def _celsius(self) -> float | None:
        value = self._narrator.ledger.slow.get("temperature_celsius")
        return float(value) if isinstance(value, int | float) else None

    async def _round(self, turn: Turn) -> None:
        """One turn: load until its time is up, then drain."""
        clock = self._narrator.clock
        self._narrator.phase("racing")
        self._narrator.arm_state(turn.arm, "active")
        begun = clock.now_ns()
        cutoff = begun + round(self._demo.schedule.round_seconds * NS)
        self._tell_begin(turn, begun, cutoff)
        complete = False
        try:
            load = await self._loads[turn.arm].round(turn.number, cutoff)
            complete = load.complete
            if load.problem:
                self._narrator.mark(MarkKind.WARNING, arm=turn.arm, text=f"round {turn.number}: {load.problem}")
        finally:
            self._tell_end(turn, cutoff, complete=complete)
        self._narrator.arm_state(turn.arm, "resting")

    def _tell_begin(self, turn: Turn, begun: int, cutoff: int) -> None:
        concurrency = self._demo.workload.concurrency
        slots = self._demo.arms[self._demo.labels.index(turn.arm)].slots or concurrency
        data: dict[str, JsonValue] = {
            "slots": min(slots, concurrency),
            "ends_t_ns": cutoff,
            "concurrency": concurrency,
        }
        self._narrator.emit(Mark(kind=MarkKind.ROUND_BEGIN, t_ns=begun, arm=turn.arm, round=turn.number, data=data))

    def _tell_end(self, turn: Turn, cutoff: int, *, complete: bool) -> None:
        drained = self._narrator.clock.now_ns()
        self._narrator.emit(
            Mark(
                kind=MarkKind.ROUND_END,
                t_ns=min(cutoff, drained),
                end_t_ns=drained,
                arm=turn.arm,
                round=turn.number,
                data={"complete": complete},
            )
        )
