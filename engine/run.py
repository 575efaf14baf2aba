"""The race: owns the clock, the sampler, the arms and the schedule, and always comes to an end that it tells."""

import asyncio
import contextlib
import gc
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from engine import adjustments
from engine.clock import MonotonicClock
from engine.company import Company
from engine.documents import Document, MarkKind, Page, Start, Stop
from engine.errors import ArmError, DiskNearlyFull, RecordingError, SamplerDied, WattraceError
from engine.ledger import Ledger, closed
from engine.lineup import Lineup
from engine.loadgen import Question
from engine.narrator import Narrator, Sink
from engine.plan import Plan
from engine.provenance import provenance
from engine.recording import Recorder, SpaceWatch, free_bytes
from engine.renewals import Renewals
from engine.sampling import Sampler
from engine.turns import Turns
from engine.workload import STAGE

ExitStatus = Literal["success", "abort", "fail"]
BeforeTurn = Callable[[str, Sampler | None], Awaitable[None]]
Conclusion = Callable[[Ledger], dict[str, Any]]

_PREFIXES = (
    "every round has the same prompts, and a server may keep what it has computed of them (prefix_cache: keep), "
    "so reading a prompt is dearer in its first round than later"
)


@dataclass(frozen=True)
class Ending:
    """How the run ends, and why."""

    status: ExitStatus
    reason: str = ""
    error: WattraceError | None = None


def new_run_id(demo_name: str) -> str:
    """Unique, sortable by time, readable: `20261121-093012-batch-1-vs-8-3f2a`."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{demo_name}-{secrets.token_hex(2)}"


class Race:
    """One run of `plan` into `recorder`. What the arms' servers print goes into files in the folder `logs`.

    `before_turn` is awaited before each turn, with the arm's letter and the sampler, if there is one. What `conclusion`
    makes of the books when they are full is the last note of the recording.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        run_id: str,
        recorder: Recorder,
        logs: Path | None = None,
        before_turn: BeforeTurn | None = None,
        conclusion: Conclusion | None = None,
    ) -> None:
        self.plan, self.run_id, self._logs = plan, run_id, logs
        self._folder = recorder.path.parent
        self._clock = MonotonicClock(time.monotonic_ns())
        self._utc = datetime.now(UTC)
        self._narrator = Narrator(self._clock, recorder, on_loss=self._fail)
        self._ending: asyncio.Future[Ending] | None = None
        self._before_turn, self._conclusion = before_turn, conclusion
        self._sampling: Sampler | None = None
        self._lineup: Lineup | None = None
        self._turns: Turns | None = None
        self._early: list[tuple[str, str, dict[str, JsonValue]]] = []
        self._adjustments = adjustments.Adjustments()
        strangers = any(arm.runtime == "openai" for arm in plan.demo.arms)
        self._company = Company(self._narrator.emit, owned=self._owned, adopts_residents=strangers)
        self._renewals = Renewals()

    @property
    def ledger(self) -> Ledger:
        """The books of this run."""
        return self._narrator.ledger

    def add_sink(self, sink: Sink) -> None:
        """Tell `sink` everything, too."""
        self._narrator.sinks.append(sink)

    def end(self, ending: Ending) -> None:
        """Ask the run to end so; the first one to ask decides. A failure is told now: its stop may take seconds."""
        if self._ending is None or self._ending.done():
            return
        self._ending.set_result(ending)
        if ending.status == "fail" and self.ledger.start is not None:
            self._narrator.mark(MarkKind.WARNING, state="failing", text=ending.reason)

    def next(self) -> None:
        """End the turn that is on now, or the wait before it; passed over where there is neither."""
        if self._turns is not None:
            self._turns.next()

    def ask(self, question: Question) -> None:
        """The audience asks one of the workload's questions: of the round that runs, or of the next one."""
        if self._lineup is not None and question.text in STAGE:
            self._lineup.crowd.ask(question)

    def controlled(self, action: str, who: str, data: dict[str, JsonValue]) -> None:
        """The presenter did something: a `control` mark, told after the start document at the earliest."""
        if self.ledger.start is None:
            self._early.append((action, who, data))
        elif self.ledger.stop is None:
            self._narrator.mark(MarkKind.CONTROL, state=action, text=who, data=data)

    def _fail(self, error: ArmError | RecordingError) -> None:
        self.end(Ending("fail", str(error), error))

    def _arm_died(self, error: ArmError) -> None:
        """End the run, unless enough other arms are left to go on with."""
        if self._turns is None or not self._turns.lose(error):
            self._fail(error)

    async def run(self) -> Ending:
        """Race to the end; whatever that is, once the start is told a stop document is too."""
        self._ending = asyncio.get_running_loop().create_future()
        ending = Ending("fail", "a fault of wattrace's own")
        try:
            async with self._sampler():
                ending = await self._until_ending()
        except WattraceError as error:
            ending = Ending("fail", str(error), error)
        finally:
            if self.ledger.start is not None:
                self._stop(ending)
        return ending

    def _stop(self, ending: Ending) -> None:
        now = self._clock.now_ns()
        self._company.end(now)
        for mark in self._adjustments.end(now):
            self._narrator.emit(mark)
        if self._conclusion is not None:
            self._narrator.mark(MarkKind.NOTE, state="findings", data=self._conclusion(self.ledger))
        stop = Stop(
            t_ns=self._clock.now_ns(),
            exit_status=ending.status,
            reason=ending.reason,
            counts=self._narrator.counts,
        )
        # What the recording lacks may not be in figures that it tells.
        stop = stop if self._narrator.lost else closed(self.ledger, stop)
        self._narrator.emit(self._narrator.sealed(stop))

    async def _until_ending(self) -> Ending:
        """Run the schedule until it is through or something ends it first."""
        assert self._ending is not None
        race = asyncio.create_task(self._race(), name="race")
        space = asyncio.create_task(self._watch_space(), name="watch space")
        first: list[asyncio.Future[Any]] = [race, self._ending]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        race.cancel()
        space.cancel()
        try:
            await race
        except asyncio.CancelledError:
            return self._ending.result()
        except ArmError as error:
            self._narrator.arm_failed(error)
            return Ending("fail", str(error), error)
        return self._ending.result() if self._ending.done() else Ending("success")

    async def _watch_space(self) -> None:
        """Warn while there is time to make room for the recording, and end the run before there is none."""
        watch = SpaceWatch()
        while True:
            with contextlib.suppress(OSError):  # where it cannot be told, the recorder still says when it is full
                space = watch.look(self._clock.now_ns(), await asyncio.to_thread(free_bytes, self._folder))
                if space.do == "end":
                    self._fail(DiskNearlyFull(self._folder, free_bytes=space.free_bytes))
                if space.do == "warn":
                    text = f"the disk will be full in {space.minutes_left:.0f} minutes: free some space"
                    left = {"minutes_left": round(space.minutes_left, 1), "free_bytes": space.free_bytes}
                    self._narrator.mark(MarkKind.WARNING, text=text, data={"code": "disk_nearly_full", **left})
            await asyncio.sleep(1)

    async def _race(self) -> None:
        stem = self._logs / self.run_id if self._logs else None
        self._narrator.phase("preparing")
        self._lineup = Lineup(self.plan, self._narrator, on_death=self._arm_died, log_stem=stem)
        async with self._lineup:
            self._turns = Turns(
                self.plan.demo,
                self._lineup.entrants,
                self._narrator,
                decided=self.ledger.decided_for_good,
                before=self._before,
            )
            await self._turns.warm_up()
            if self.plan.power is not None:
                await self._turns.baseline()
            # What has been made by now stays: walking through it again and again would hold up answers that come in.
            gc.collect()
            gc.freeze()
            await self._turns.rounds()

    async def _before(self, label: str) -> None:
        if self._before_turn is not None:
            await self._before_turn(label, self._sampling)

    # -- the sampler

    @contextlib.asynccontextmanager
    async def _sampler(self) -> AsyncIterator[None]:
        """The start document, and the sampler for as long as the run lasts."""
        if self.plan.power is None:
            self._start({})
            yield
            return
        async with Sampler(
            source=self.plan.power,
            clock_origin_ns=self._clock.origin_ns,
            occupancy=self.plan.occupancy_path,
            seed=self.plan.demo.workload.seed,
            gpus=self.plan.gpus,
            on_document=self._sampled,
        ) as sampler:
            self._sampling = sampler
            self._start(sampler.provenance)  # before anything is awaited, so before the first sample
            watch = asyncio.create_task(self._watch_sampler(sampler), name="watch sampler")
            try:
                yield
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)

    def _sampled(self, document: Document) -> None:
        self._narrator.emit(document)
        if isinstance(document, Page) and document.stream.endswith(adjustments.STREAM_SUFFIX):
            for mark in self._adjustments.page(document):
                self._narrator.emit(mark)
        if isinstance(document, Page) and (meter := self.ledger.rig.meters.get(document.stream)):
            again = self._renewals.look(self.ledger.rig.descriptors[document.stream], meter, document.t_ns[-1])
            if again is not None:
                self._narrator.emit(again)
        self._company.see(document, starting=self._is_starting())

    def _owned(self, pids: set[int]) -> set[int]:
        """Which of these processes are the race's; before there are arms none is."""
        return self._lineup.ours(pids) if self._lineup else set()

    def _is_starting(self) -> bool:
        """Whether an arm may begin to compute now: a server that starts, or a command, which begins with its turn."""
        states = {arm.label: self.ledger.arms[arm.label].state for arm in self.plan.arms}
        commands = {arm.label for arm in self.plan.arms if arm.runtime == "command"}
        return any(state == "starting" or (state == "active" and a in commands) for a, state in states.items())

    async def _watch_sampler(self, sampler: Sampler) -> None:
        """Say when the sampler has died; the race goes on without watts, and says so."""
        try:
            await sampler.wait()
        except SamplerDied as error:
            self._narrator.mark(MarkKind.WARNING, text=str(error), data={"code": "sampler_died"})
        except Exception as error:
            # What it told could not be entered: without watts that nobody misses the race would be a lie.
            reason = f"the sampler's readings could not be taken: {error or type(error).__name__}"
            self.end(Ending("fail", reason))

    def _start(self, devices: dict[str, JsonValue]) -> None:
        demo = self.plan.demo
        self._narrator.emit(
            Start(
                run=self.run_id,
                utc=self._utc.isoformat().replace("+00:00", "Z"),
                seed=demo.workload.seed,
                demo={"name": self.plan.name, **demo.told()},
                arms=self.plan.arm_infos(devices),
                provenance=provenance(demo, power=devices, model_revision=self.plan.model_revision),
                simulated={"power": self.plan.power == "simulated", "arms": self.plan.simulated_arms},
            )
        )
        if demo.workload.prefix_cache == "keep" and any(arm.runtime != "command" for arm in self.plan.arms):
            self._narrator.mark(MarkKind.NOTE, text=_PREFIXES)
        for note in self.plan.notes:
            self._narrator.mark(MarkKind.WARNING, text=note)
        for action, who, data in self._early:
            self.controlled(action, who, data)
