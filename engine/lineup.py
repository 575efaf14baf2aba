"""The arms of a race: brought up one after the other, watched, started again where the demo asks, and taken down."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import JsonValue

from engine.company import ours
from engine.documents import Mark, MarkKind
from engine.entrants import AnyEntrant, CommandEntrant, ServedEntrant
from engine.errors import ArmError
from engine.loadgen import Crowd
from engine.narrator import Narrator
from engine.plan import Plan
from engine.validity import Reason

_PUBLISH_SECONDS = 0.02


class Lineup:
    """The entrants of `plan`, by label, for as long as the `async with` lasts.

    What an arm prints goes into `<log_stem>.<label>.log`. Once all are ready, `on_death` hears of an arm that is gone
    for good: one that the demo lets be started again only after all its restarts.
    """

    def __init__(
        self, plan: Plan, narrator: Narrator, *, on_death: Callable[[ArmError], None], log_stem: Path | None = None
    ) -> None:
        self._plan, self._narrator = plan, narrator
        self._on_death, self._log_stem = on_death, log_stem
        self._requests = itertools.count(1)
        self.crowd = Crowd()
        """Brings the audience's questions to the arms."""
        self._starting = asyncio.Lock()
        self._stack = contextlib.AsyncExitStack()
        self.entrants: dict[str, AnyEntrant] = {label: self._entrant(label) for label in plan.demo.labels}

    def _entrant(self, label: str) -> AnyEntrant:
        planned, narrator = self._plan.arm(label), self._narrator
        log = self._log_stem.with_name(f"{self._log_stem.name}.{label}.log") if self._log_stem else None
        if planned.runtime == "command":
            return CommandEntrant(planned, narrator, log=log)
        workload = self._plan.demo.workload
        return ServedEntrant(planned, workload, narrator, request_ids=self._requests, crowd=self.crowd, log=log)

    def ours(self, pids: Iterable[int]) -> set[int]:
        """Which of these processes are this race's: started by it, or behind the port of a server that it drives.

        A server that another user started (or a container) cannot be seen from here.
        """
        served = [entrant for entrant in self.entrants.values() if isinstance(entrant, ServedEntrant)]
        return ours(pids, itertools.chain.from_iterable(entrant.strangers for entrant in served))

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            if self._plan.publishes_occupancy:
                publishing = asyncio.create_task(self._publish_occupancy(), name="occupancy")
                stack.push_async_callback(_cancel, publishing)
            for entrant in self.entrants.values():
                await self._bring_up(stack, entrant)
                # It is cancelled before its arm goes down, or it would take that for a death.
                watch = asyncio.create_task(self._watch(entrant), name=f"watch arm {entrant.label}")
                stack.push_async_callback(_cancel, watch)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _bring_up(self, stack: contextlib.AsyncExitStack, entrant: AnyEntrant) -> None:
        """Start one arm: two servers that start at once on one GPU break each other's memory profiling.

        One that takes turns with others in the GPU's memory is asleep before the next is started. Raises ArmError, told
        already, when it does not become ready and answer.
        """
        if remark := self._plan.remarks.get(entrant.label):
            self._narrator.mark(MarkKind.NOTE, arm=entrant.label, text=remark)
        stack.push_async_callback(self._take_down, entrant)
        try:
            async with self._starting:
                await entrant.start()
                if entrant.planned.sleeps:
                    await entrant.rest()
        except ArmError as error:
            self._narrator.arm_failed(error)
            raise

    async def _take_down(self, entrant: AnyEntrant) -> None:
        await entrant.stop()
        if self._narrator.ledger.arms[entrant.label].state != "failed":
            self._narrator.arm_state(entrant.label, "stopped")

    async def _watch(self, entrant: AnyEntrant) -> None:
        """See it die, and live again as often as the demo allows."""
        restart = entrant.planned.arm.restart
        waits = [restart.backoff_seconds * 2**nth for nth in range(restart.times)] if restart else []
        error = await entrant.died()
        for seconds in waits:
            self._tell_death(entrant, error)
            entrant.standing.down()
            await asyncio.sleep(seconds)
            error = await self._restart(entrant) or await entrant.died()
        self._tell_death(entrant, error)
        entrant.standing.lose(error)
        self._on_death(error)

    async def _restart(self, entrant: AnyEntrant) -> ArmError | None:
        """Start it again; returns why that failed. What others do meanwhile on its devices is not measured alone."""
        begun = self._narrator.clock.now_ns()
        try:
            async with self._starting:
                await entrant.stop()
                await entrant.start()
        except ArmError as failure:
            return failure
        finally:
            self._flag_others(entrant, begun)
        return None

    def _flag_others(self, entrant: AnyEntrant, begun_ns: int) -> None:
        if isinstance(entrant, CommandEntrant):
            return  # nothing of it runs between its turns
        now = self._narrator.clock.now_ns()
        text = f"arm {entrant.label} was being started again"
        for device in entrant.planned.devices:
            data: dict[str, JsonValue] = {"code": Reason.FOREIGN_PROCESS.value, "device": device}
            self._narrator.emit(Mark(kind=MarkKind.WARNING, t_ns=begun_ns, end_t_ns=now, text=text, data=data))

    def _tell_death(self, entrant: AnyEntrant, error: ArmError) -> None:
        self._narrator.arm_failed(error)
        self._plan.idle(entrant.label)

    async def _publish_occupancy(self) -> None:
        """Let the simulated GPU follow real arms, which do not publish what they do themselves."""
        while True:
            self._plan.publish({label: entrant.running for label, entrant in self.entrants.items()})
            await asyncio.sleep(_PUBLISH_SECONDS)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
