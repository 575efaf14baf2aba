"""The race: owns the clock, the sampler, the arms and the schedule, and tells everything as documents."""

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from engine.arms.server import ServerArm
from engine.clock import NS, MonotonicClock
from engine.documents import ArmInfo, Document, Mark, MarkKind, Start, Stop
from engine.errors import ArmError, RecordingError, SamplerDied, WattraceError
from engine.ledger import Ledger
from engine.loadgen import LoadGenerator
from engine.plan import Plan
from engine.provenance import provenance
from engine.recording import Recorder
from engine.sampling import Sampler
from engine.schedule import Turn, alternate

Sink = Callable[[Document], None]
ExitStatus = Literal["success", "abort", "fail"]


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
    """One run of `plan`. Documents go to `recorder` (critical) and to `sinks` (which must not raise).

    What the arms' servers print goes into files in the folder `logs`.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        run_id: str,
        recorder: Recorder,
        sinks: tuple[Sink, ...] = (),
        logs: Path | None = None,
    ) -> None:
        self.plan, self.run_id, self._logs = plan, run_id, logs
        self.ledger = Ledger()
        self._recorder, self._sinks = recorder, list(sinks)
        self._recording = True
        self._clock = MonotonicClock()
        self._requests = itertools.count(1)
        self._arms: dict[str, ServerArm] = {}
        self._loads: dict[str, LoadGenerator] = {}
        self._ending: asyncio.Future[Ending] | None = None
        self._first_celsius: float | None = None

    def add_sink(self, sink: Sink) -> None:
        """Tell `sink` too, from now on."""
        self._sinks.append(sink)

    # -- documents out

    def emit(self, document: Document) -> None:
        """Tell everybody; a recorder that fails ends the run, but the stop document is still tried."""
        self.ledger.add(document)
        if self._recording or isinstance(document, Stop):
            try:
                self._recorder(document)
            except RecordingError as error:
                self._recording = False
                self.end(Ending("fail", str(error), error))
        for sink in self._sinks:
            sink(document)

    def end(self, ending: Ending) -> None:
        """Ask the run to end so; the first one to ask decides."""
        if self._ending is not None and not self._ending.done():
            self._ending.set_result(ending)

    def _mark(
        self,
        kind: MarkKind,
        *,
        arm: str | None = None,
        state: str | None = None,
        text: str | None = None,
        data: dict[str, JsonValue] | None = None,
    ) -> None:
        now = self._clock.now_ns()
        self.emit(Mark(kind=kind, t_ns=now, arm=arm, state=state, text=text, data=data or {}))

    def _phase(self, state: str, seconds: float | None = None) -> None:
        ends = None if seconds is None else self._clock.now_ns() + round(seconds * NS)
        self._mark(MarkKind.PHASE, state=state, data={} if ends is None else {"ends_t_ns": ends})

    def _arm_state(self, label: str, state: str, text: str | None = None) -> None:
        self._mark(MarkKind.ARM, arm=label, state=state, text=text)

    # -- the run

    async def run(self) -> Ending:
        """Race to the end; always writes a stop document once the start is written."""
        self._ending = asyncio.get_running_loop().create_future()
        try:
            async with self._sampler():
                ending = await self._until_ending()
        except WattraceError as error:
            ending = Ending("fail", str(error), error)
        if self.ledger.start is not None:
            self._stop(ending)
        return self._ending.result() if self._ending.done() and not self._recording else ending

    def _stop(self, ending: Ending) -> None:
        self.emit(
            Stop(
                t_ns=self._clock.now_ns(),
                exit_status=ending.status,
                reason=ending.reason,
                counts=dict(self._recorder.counts),
                arms=self.ledger.summaries(),
            )
        )

    async def _until_ending(self) -> Ending:
        """Run the schedule until it is through or something ends it first."""
        assert self._ending is not None
        race = asyncio.create_task(self._race(), name="race")
        first: list[asyncio.Future[Any]] = [race, self._ending]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not race.done():
            race.cancel()
        try:
            await race
        except asyncio.CancelledError:
            return self._ending.result()
        except ArmError as error:
            self._failed(error)
            return Ending("fail", str(error), error)
        return self._ending.result() if self._ending.done() else Ending("success")

    @contextlib.asynccontextmanager
    async def _sampler(self) -> AsyncIterator[None]:
        """The start document, and the sampler for as long as the run lasts."""
        self._clock = MonotonicClock(time.monotonic_ns())
        utc = datetime.now(UTC)
        if self.plan.power is None:
            self._start(utc, {})
            yield
            return
        async with Sampler(
            source=self.plan.power,
            clock_origin_ns=self._clock.origin_ns,
            occupancy=self.plan.occupancy_path,
            seed=self.plan.demo.workload.seed,
            gpus=self.plan.gpus,
            on_document=self.emit,
        ) as sampler:
            self._start(utc, sampler.provenance)  # before anything is awaited, so before the first sample
            watch = asyncio.create_task(self._watch_sampler(sampler), name="watch sampler")
            try:
                yield
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)

    def _start(self, utc: datetime, devices: dict[str, JsonValue]) -> None:
        demo = self.plan.demo
        self.emit(
            Start(
                run=self.run_id,
                utc=utc.isoformat().replace("+00:00", "Z"),
                seed=demo.workload.seed,
                demo={"name": self.plan.name, **demo.model_dump(mode="json")},
                arms=[
                    ArmInfo(label=label, name=arm.name, runtime=self.plan.runtime, requested=dict(arm.args))
                    for label, arm in zip(demo.labels, demo.arms, strict=True)
                ],
                provenance=provenance(demo, power=devices, simulated=self.plan.simulated_arms),
                simulated={"power": self.plan.power == "simulated", "arms": self.plan.simulated_arms},
            )
        )
        for note in self.plan.notes:
            self._mark(MarkKind.WARNING, text=note)

    async def _watch_sampler(self, sampler: Sampler) -> None:
        """Say when the sampler has died; the race goes on without watts, and says so."""
        try:
            await sampler.wait()
        except SamplerDied as error:
            self._mark(MarkKind.WARNING, text=str(error), data={"code": "sampler_died"})

    async def _race(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            self._phase("preparing")
            for label, launch in zip(self.plan.demo.labels, self.plan.launches, strict=True):
                log = self._logs / f"{self.run_id}.{label}.log" if self._logs else None
                await self._start_arm(stack, label, ServerArm(label, launch, log=log))
            watch = [asyncio.create_task(self._watch_arm(arm)) for arm in self._arms.values()]
            stack.push_async_callback(_cancel_all, watch)
            if self.plan.publishes_occupancy:
                publisher = asyncio.create_task(self._publish_occupancy(), name="occupancy")
                stack.push_async_callback(_cancel_all, [publisher])
            await self._warm_up()
            await self._baseline()
            for turn in alternate(self.plan.demo.labels, self.plan.demo.schedule.rounds):
                await self._cool_down()
                await self._round(turn)
            self._phase("done")

    async def _start_arm(self, stack: contextlib.AsyncExitStack, label: str, arm: ServerArm) -> None:
        """One after the other: two engines that start at once on one GPU break each other's memory profiling."""
        self._arms[label] = arm
        stack.push_async_callback(self._stop_arm, arm)
        self._arm_state(label, "starting")
        begun = self._clock.now_ns()
        await arm.start()
        load = LoadGenerator(
            arm=label,
            base_url=arm.base_url,
            model=arm.launch.model,
            workload=self.plan.demo.workload,
            clock=self._clock,
            emit=self.emit,
            request_ids=self._requests,
        )
        self._loads[label] = await stack.enter_async_context(load)
        self.emit(load.descriptor())
        await load.warm_up()
        seconds = (self._clock.now_ns() - begun) / NS
        data: dict[str, JsonValue] = {
            "effective": dict(arm.launch.effective),
            "startup_seconds": round(seconds, 3),
        }
        self._mark(MarkKind.ARM, arm=label, state="ready", data=data)

    async def _stop_arm(self, arm: ServerArm) -> None:
        await arm.stop()
        if self.ledger.arms[arm.label].state != "failed":
            self._arm_state(arm.label, "stopped")

    def _failed(self, error: ArmError) -> None:
        """Tell that an arm has failed, and keep its last words with the recording."""
        if self.ledger.arms[error.arm].state != "failed":
            last_words: dict[str, JsonValue] = {"log_tail": list(error.log_tail[-40:])}
            self._mark(MarkKind.ARM, arm=error.arm, state="failed", text=str(error), data=last_words)
            self.plan.idle(error.arm)

    async def _watch_arm(self, arm: ServerArm) -> None:
        error = await arm.died()
        self._failed(error)
        self.end(Ending("fail", str(error), error))

    async def _warm_up(self) -> None:
        """A few answers from each arm, so that caches and clocks are up before anything counts."""
        self._phase("warming")
        for load in self._loads.values():
            await load.warm_up(requests=2)

    async def _baseline(self) -> None:
        seconds = self.plan.demo.schedule.baseline_seconds
        if self.plan.power is not None and seconds > 0:
            self._phase("baseline", seconds)
            await self._clock.wait_until(self._clock.now_ns() + round(seconds * NS))

    async def _cool_down(self) -> None:
        """Wait until the GPU is about as cool as it was before the first turn, or the time for it is over."""
        schedule = self.plan.demo.schedule
        celsius = self._celsius()
        if self._first_celsius is None:
            self._first_celsius = celsius
            return
        if schedule.cooldown_celsius is None or celsius is None:
            return
        goal = self._first_celsius + schedule.cooldown_celsius
        deadline = self._clock.now_ns() + round(schedule.cooldown_timeout_seconds * NS)
        if celsius <= goal:
            return
        self._phase("cooling", schedule.cooldown_timeout_seconds)
        while (celsius := self._celsius()) is not None and celsius > goal and self._clock.now_ns() < deadline:
            await asyncio.sleep(0.1)

    def _celsius(self) -> float | None:
        value = self.ledger.slow.get("temperature_celsius")
        return float(value) if isinstance(value, int | float) else None

    async def _round(self, turn: Turn) -> None:
        """One turn: load until its time is up, then drain."""
        schedule, workload = self.plan.demo.schedule, self.plan.demo.workload
        arm = self.plan.demo.arms[self.plan.demo.labels.index(turn.arm)]
        self._phase("racing")
        self._arm_state(turn.arm, "active")
        begun = self._clock.now_ns()
        cutoff = begun + round(schedule.round_seconds * NS)
        slots = min(arm.slots or workload.concurrency, workload.concurrency)
        begin: dict[str, JsonValue] = {
            "slots": slots,
            "ends_t_ns": cutoff,
            "concurrency": workload.concurrency,
        }
        self.emit(Mark(kind=MarkKind.ROUND_BEGIN, t_ns=begun, arm=turn.arm, round=turn.number, data=begin))
        complete = False
        try:
            load = await self._loads[turn.arm].round(turn.number, cutoff)
            complete = load.complete
            if load.problem:
                self._mark(MarkKind.WARNING, arm=turn.arm, text=f"round {turn.number}: {load.problem}")
        finally:
            drained = self._clock.now_ns()
            self.emit(
                Mark(
                    kind=MarkKind.ROUND_END,
                    t_ns=min(cutoff, drained),
                    end_t_ns=drained,
                    arm=turn.arm,
                    round=turn.number,
                    data={"complete": complete},
                )
            )
        self._arm_state(turn.arm, "resting")

    async def _publish_occupancy(self) -> None:
        """Let the simulated GPU follow real arms, which do not publish what they do themselves."""
        while True:
            self.plan.publish(self.ledger)
            await asyncio.sleep(0.02)


async def _cancel_all(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
