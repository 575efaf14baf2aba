"""The arms of a race at their start: brought up one after the other, watched, and taken down."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import JsonValue

from engine.arms.server import ServerArm
from engine.clock import NS
from engine.documents import MarkKind
from engine.errors import ArmError
from engine.loadgen import LoadGenerator
from engine.narrator import Narrator
from engine.plan import Plan


class Lineup:
    """The running arms of `plan` and the load generator of each, for as long as the `async with` lasts.

    What an arm's server prints goes into `<log_stem>.<label>.log`. Once all are ready, `on_death` hears of an arm
    that dies by itself.
    """

    def __init__(
        self, plan: Plan, narrator: Narrator, *, on_death: Callable[[ArmError], None], log_stem: Path | None = None
    ) -> None:
        self.loads: dict[str, LoadGenerator] = {}
        self._plan, self._narrator = plan, narrator
        self._on_death, self._log_stem = on_death, log_stem
        self._requests = itertools.count(1)
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            arms = [await self._bring_up(stack, label) for label in self._plan.demo.labels]
            tasks = [asyncio.create_task(self._watch(arm), name=f"watch arm {arm.label}") for arm in arms]
            if self._plan.publishes_occupancy:
                tasks.append(asyncio.create_task(self._publish_occupancy(), name="occupancy"))
            stack.push_async_callback(_cancel_all, tasks)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _bring_up(self, stack: contextlib.AsyncExitStack, label: str) -> ServerArm:
        """Start one arm: two engines that start at once on one GPU break each other's memory profiling.

        Raises ArmError, told already, when it does not become ready and answer.
        """
        log = self._log_stem.with_name(f"{self._log_stem.name}.{label}.log") if self._log_stem else None
        arm = ServerArm(label, self._plan.launches[self._plan.demo.labels.index(label)], log=log)
        stack.push_async_callback(self._take_down, arm)
        self._narrator.arm_state(label, "starting")
        begun = self._narrator.clock.now_ns()
        try:
            await arm.start()
            await self._connect(stack, arm)
        except ArmError as error:
            self._narrator.arm_failed(error)
            raise
        data: dict[str, JsonValue] = {
            "version": await arm.version(),
            "effective": dict(arm.launch.effective),
            "startup_seconds": round((self._narrator.clock.now_ns() - begun) / NS, 3),
        }
        self._narrator.mark(MarkKind.ARM, arm=label, state="ready", data=data)
        return arm

    async def _connect(self, stack: contextlib.AsyncExitStack, arm: ServerArm) -> None:
        """Give the arm its clients, and see one answer: `/health` alone proves little."""
        load = LoadGenerator(
            arm=arm.label,
            base_url=arm.base_url,
            model=arm.launch.model,
            workload=self._plan.demo.workload,
            clock=self._narrator.clock,
            emit=self._narrator.emit,
            request_ids=self._requests,
        )
        self.loads[arm.label] = await stack.enter_async_context(load)
        self._narrator.emit(load.descriptor())
        await load.warm_up()

    async def _take_down(self, arm: ServerArm) -> None:
        await arm.stop()
        if self._narrator.ledger.arms[arm.label].state != "failed":
            self._narrator.arm_state(arm.label, "stopped")

    async def _watch(self, arm: ServerArm) -> None:
        error = await arm.died()
        self._narrator.arm_failed(error)
        self._plan.idle(error.arm)
        self._on_death(error)

    async def _publish_occupancy(self) -> None:
        """Let the simulated GPU follow real arms, which do not publish what they do themselves."""
        while True:
            self._plan.publish(self._narrator.ledger)
            await asyncio.sleep(0.02)


async def _cancel_all(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
