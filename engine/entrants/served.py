"""An entrant that is a server with its clients: started, warmed up, driven, put to sleep, started again."""

import asyncio
import contextlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pydantic import JsonValue

from engine.arms.loading import Progress
from engine.arms.metrics_poll import MetricsPoll
from engine.arms.openai import ApiKey, OpenAiArm, OpenAiLaunch
from engine.arms.server import Launch, ServerArm
from engine.arms.sleep import LEAST_FREED_BYTES, SleepSwitch
from engine.clock import NS
from engine.config import Workload
from engine.documents import Document, Mark, MarkKind
from engine.entrants.standing import Standing
from engine.errors import ArmError
from engine.loadgen import Crowd, LoadGenerator, RoundLoad
from engine.narrator import Narrator
from engine.plan import PlannedArm
from engine.validity import Reason

_LOOK_SECONDS = 2.0
"""The sampler reads memory five times a second."""
_DOES_NOT_SLEEP = "give the arms less memory, so that they fit beside each other, or GPUs of their own"


class ServedEntrant:
    """Arm `planned` under `workload`; `start` and `stop` are its keeper's, who watches `died` in between.

    What the arm's server prints goes into the file `log`. No key gets into a document: what a server sends back is
    looked through for it.
    """

    def __init__(
        self,
        planned: PlannedArm,
        workload: Workload,
        narrator: Narrator,
        *,
        request_ids: "count[int]",
        crowd: Crowd | None = None,
        log: Path | None = None,
    ) -> None:
        self.planned, self.label, self.standing = planned, planned.label, Standing()
        self._workload, self._narrator, self._request_ids, self._crowd = workload, narrator, request_ids, crowd
        self._key = ApiKey()
        self._arm: ServerArm | OpenAiArm
        match planned.launch:
            case Launch():
                self._arm = ServerArm(self.label, planned.launch, log=log, on_progress=self._loading)
            case OpenAiLaunch():
                self._arm, self._key = OpenAiArm(self.label, planned.launch), planned.launch.key
            case _:
                raise TypeError("a command has no server")
        self._load: LoadGenerator | None = None
        self._metrics: MetricsPoll | None = None
        self._asleep = False
        self._stack = contextlib.AsyncExitStack()

    # -- what the keeper asks

    async def start(self) -> None:
        """Bring it up until it has answered once. Raises ArmError."""
        begun = self._narrator.clock.now_ns()
        self._narrator.arm_state(self.label, "starting")
        with self._scrubbing():
            await self._arm.start()
            self._load = await self._stack.enter_async_context(self._clients())
            self._narrator.emit(self._load.descriptor())
            # A health check alone proves little.
            await self._load.first_answer()
        if isinstance(self._arm, ServerArm):
            poll = MetricsPoll(self.label, self._arm.base_url, self._narrator.clock, self._narrator.emit)
            self._metrics = await self._stack.enter_async_context(poll)
        await self._tell_ready(begun)
        self.standing.up()

    def _clients(self) -> LoadGenerator:
        arm, planned = self._arm, self.planned
        assert planned.concurrency is not None, "the plan knows how many clients a server has"
        return LoadGenerator(
            arm=self.label,
            chat_url=arm.api_url,
            headers=arm.headers,
            model=arm.model,
            vllm=planned.runtime != "openai",
            workload=self._workload,
            concurrency=planned.concurrency,
            clock=self._narrator.clock,
            emit=self._tell,
            request_ids=self._request_ids,
            crowd=self._crowd,
        )

    async def _tell_ready(self, begun_ns: int) -> None:
        data: dict[str, JsonValue] = {
            "version": await self._arm.version(),
            "requested": self.planned.requested,
            "effective": await self._arm.effective(),
            "startup_seconds": round((self._narrator.clock.now_ns() - begun_ns) / NS, 3),
        }
        self._narrator.mark(MarkKind.ARM, arm=self.label, state="ready", data=data)
        launch = self.planned.launch
        if isinstance(launch, OpenAiLaunch) and not launch.here:
            text = f"arm {self.label} runs at {launch.url}: the watts of this machine are not its own"
            flag: dict[str, JsonValue] = {"code": Reason.REMOTE_SERVER.value, "device": None, "open": True}
            self._narrator.mark(MarkKind.WARNING, arm=self.label, text=text, data=flag)

    def _loading(self, progress: Progress) -> None:
        data: dict[str, JsonValue] = {"stage": progress.stage, "progress": progress.share}
        self._narrator.mark(MarkKind.ARM, arm=self.label, state="starting", data=data)

    async def died(self) -> ArmError:
        """Wait until its server is dead, and say how."""
        return await self._arm.died()

    async def stop(self) -> None:
        """Let the clients go, and end the server if it is ours; it may be started again."""
        await self._stack.aclose()
        self._load = self._metrics = None
        self._asleep = False
        await self._arm.stop()

    @property
    def strangers(self) -> set[int]:
        """The processes of a server that we did not start, as far as they can be seen."""
        return self._arm.pids if isinstance(self._arm, OpenAiArm) else set()

    @property
    def running(self) -> int:
        """Requests that it computes now, as its clients see it."""
        return self._narrator.ledger.arms[self.label].running

    # -- what the turns ask

    @property
    def slots(self) -> int | None:
        """Requests computed at once, as far as its arguments tell: no more than its clients ask."""
        concurrency = self.planned.concurrency
        told = self.planned.arm.slots
        return min(told, concurrency) if told is not None and concurrency is not None else concurrency

    @property
    def concurrency(self) -> int | None:
        """Requests that its clients keep in flight."""
        return self.planned.concurrency

    @property
    def sleeps(self) -> bool:
        """Whether it gives its memory away while it rests."""
        return self.planned.sleeps

    async def wake(self) -> None:
        """Be ready to work: awake, and started again if it had died. Raises ArmError when it is gone for good."""
        await self.standing.wait()
        if not self._asleep:
            return
        result = await self._switch().wake()
        if not result.ok:
            raise ArmError(self.label, result.text, remedy="see its log")
        self._asleep = False
        await self._clients_now().first_answer()

    async def rest(self) -> None:
        """Give the device to others: asleep where the plan says so. Raises ArmError when it keeps its memory."""
        if not self.planned.sleeps or self._asleep:
            self._narrator.arm_state(self.label, "asleep" if self._asleep else "resting")
            return
        await self._looked_at()
        result = await self._switch().sleep()
        if not result.ok:
            raise ArmError(self.label, result.text, remedy=_DOES_NOT_SLEEP)
        self._asleep = True
        data: dict[str, JsonValue] = {"freed_bytes": result.freed_bytes, "seconds": round(result.seconds, 3)}
        self._narrator.mark(MarkKind.ARM, arm=self.label, state="asleep", text=result.text, data=data)

    def _switch(self) -> SleepSwitch:
        assert isinstance(self._arm, ServerArm), "only our own servers are planned to sleep"
        least = self.planned.least_freed_bytes or LEAST_FREED_BYTES
        return SleepSwitch(self._arm.base_url, self._memory_used, least_freed_bytes=least)

    async def _looked_at(self) -> None:
        """Until the sampler has read the memory since now: what it read before may be from before the arm had any."""
        conditions, clock = self._narrator.ledger.rig.conditions, self._narrator.clock
        since_ns = clock.now_ns()
        tracks = [conditions[name] for name in self.planned.devices if name in conditions]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                while any((track.newest_t_ns or 0) < since_ns for track in tracks):
                    await asyncio.sleep(0.02)

    def _memory_used(self) -> float | None:
        """Bytes in use on its devices, as the sampler read them last."""
        conditions = self._narrator.ledger.rig.conditions
        read = [conditions[name].newest.get("memory_used_bytes") for name in self.planned.devices if name in conditions]
        known = [float(value) for value in read if isinstance(value, int | float)]
        return sum(known) if known and len(known) == len(self.planned.devices) else None

    async def warm_up(self, until_ns: int) -> None:
        """Work until the speed settles, or until `until_ns`. Raises ArmError."""
        with self._scrubbing(), self._working():
            await self._clients_now().warm_up(until_ns)

    async def round(
        self, number: int, until: int | asyncio.Event, *, requests: int | None = None, cut: asyncio.Event | None = None
    ) -> RoundLoad:
        """One turn; trouble is told in `RoundLoad.problem`."""
        with self._working():
            load = await self._clients_now().round(number, until, requests=requests, cut=cut)
        if load.problem is not None:
            load.problem = self._key.scrub(load.problem)
            if isinstance(self._arm, OpenAiArm):
                self._arm.look()
        return load

    def _clients_now(self) -> LoadGenerator:
        if self._load is None:
            raise ArmError(self.label, "it is not up")
        return self._load

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        """It has its turn: its metrics are polled often, and nobody else asks a server that is not ours."""
        self._set_working(True)
        try:
            yield
        finally:
            self._set_working(False)

    def _set_working(self, working: bool) -> None:
        if self._metrics is not None:
            self._metrics.active = working
        if isinstance(self._arm, OpenAiArm):
            self._arm.busy = working

    # -- keeping the key to ourselves

    def _tell(self, document: Document) -> None:
        if self._key and isinstance(document, Mark) and document.text:
            document = document.model_copy(update={"text": self._key.scrub(document.text)})
        self._narrator.emit(document)

    @contextlib.contextmanager
    def _scrubbing(self) -> Iterator[None]:
        try:
            yield
        except ArmError as error:
            error.problem, error.remedy = self._key.scrub(error.problem), self._key.scrub(error.remedy)
            error.args = (error.arm, error.problem, error.remedy, error.log_tail)
            raise error from None  # what it came from has the server's own words
