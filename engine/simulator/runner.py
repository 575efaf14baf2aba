"""The step loop: runs the batch on absolute deadlines, hands tokens to replies, publishes the load."""

import asyncio
from dataclasses import dataclass, field

from engine.clock import Clock
from engine.occupancy import Load, Occupancy
from engine.simulator.batch import Batch, Request, Step
from engine.simulator.text import Answer

CATCH_UP = 0.5
"""While behind, steps are cut to this share of their time: no burst, and nothing lost over a few of them."""
FORGIVEN_NS = 500_000_000
"""Further behind than this (a suspended machine), the rest of the delay is let go."""


@dataclass(eq=False)
class Reply:
    """Where one request's tokens arrive: `available` of `answer`'s so far, and whether those were all."""

    answer: Answer
    ends_naturally: bool
    available: int = 0
    finished: bool = False
    aborted: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def finish_reason(self) -> str | None:
        """As OpenAI spells it; None before the end."""
        if not self.finished:
            return None
        if self.aborted:
            return "abort"
        return "stop" if self.ends_naturally else "length"

    def text(self, begin: int, end: int) -> str:
        """What tokens `begin` to `end` say; the end-of-sequence token says nothing."""
        if self.ends_naturally:
            end = min(end, self.answer.natural_tokens)
        return "".join(map(self.answer.token, range(begin, end)))


class Runner:
    """Owns the batch; `run` it as a task, `submit` and `cancel` requests from the same event loop."""

    def __init__(
        self,
        batch: Batch[Reply],
        clock: Clock,
        occupancy: Occupancy | None = None,
        slot: int = 0,
        *,
        memory_bytes: int = 0,
    ) -> None:
        self.batch = batch
        self.asleep = False
        self._memory_bytes = memory_bytes
        self._clock = clock
        self._occupancy = occupancy
        self._slot = slot
        self._work = asyncio.Event()

    def submit(self, request: Request[Reply]) -> None:
        """Queue `request`; its reply gets the tokens."""
        self.batch.add(request)
        self._work.set()

    def cancel(self, request: Request[Reply]) -> None:
        """Its client is gone; the slot is free at the next step."""
        self.batch.cancel(request)
        self._work.set()

    def idle(self) -> None:
        """Publish that nothing is being computed."""
        self._publish(Load())

    def hold(self, held_bytes: int | None = None) -> None:
        """Publish how much of the GPU's memory is held; None: all that was asked for."""
        if self._occupancy is not None:
            self._occupancy.hold(self._slot, self._memory_bytes if held_bytes is None else held_bytes)

    def sleep(self, *, held_bytes: int | None) -> None:
        """Compute nothing until `wake`; what was computed or waited is aborted, and all but `held_bytes` is freed."""
        self.asleep = True
        for request in (*self.batch.running, *self.batch.waiting):
            reply = request.stream
            reply.aborted = reply.finished = True
            reply.news.set()
            self.batch.cancel(request)
        self.idle()
        self.hold(held_bytes)

    def wake(self) -> None:
        """Take the memory back and go on."""
        self.asleep = False
        self.hold()
        self._work.set()

    async def run(self) -> None:
        """Step until cancelled."""
        due_ns = self._clock.now_ns()
        self.hold()
        try:
            while True:
                self._work.clear()
                step = None if self.asleep else self.batch.begin()
                if step is None:
                    self.idle()
                    await self._work.wait()
                    due_ns = self._clock.now_ns()
                    continue
                self._publish(step.cost.load)
                due_ns += step.cost.duration_ns
                await self._wait(due_ns, step)
                self._deliver(step)
                due_ns = max(due_ns, self._clock.now_ns() - FORGIVEN_NS)
        finally:
            self.idle()
            self.hold(0)

    async def _wait(self, due_ns: int, step: Step[Reply]) -> None:
        """Until the step is over; in arrears, a part of its time, so that tokens keep their distance."""
        earliest_ns = self._clock.now_ns() + round(step.cost.duration_ns * CATCH_UP)
        await self._clock.wait_until(max(due_ns, earliest_ns))

    def _deliver(self, step: Step[Reply]) -> None:
        for request, _ in self.batch.finish(step):
            reply = request.stream  # `finish` passes over those that were cancelled
            reply.available = request.generated
            reply.finished = request.finished
            reply.news.set()

    def _publish(self, load: Load) -> None:
        if self._occupancy is not None:
            self._occupancy.write(self._slot, load)
