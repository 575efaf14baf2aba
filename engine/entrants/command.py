"""An entrant that is a command: each turn starts it afresh, reads its progress, and ends it."""

import asyncio
from pathlib import Path

from pydantic import JsonValue

from engine.arms.command import CommandLaunch
from engine.arms.diagnosis import plain_cause
from engine.arms.process import ArmProcess
from engine.documents import MarkKind
from engine.entrants.pages import ProgressPages
from engine.entrants.progress import ProgressReader
from engine.entrants.standing import Standing
from engine.errors import ArmError, ArmExited
from engine.loadgen import RoundLoad, over_or_cut
from engine.narrator import Narrator
from engine.plan import PlannedArm

_SILENT = (
    "no line told of its progress; see the arm's `progress`, and whether the program keeps what it prints to itself "
    "(`stdbuf -oL` in front of it helps many)"
)


class CommandEntrant:
    """Arm `planned`: nothing of it runs between its turns, so there is nothing to warm up, to watch or to put to sleep.

    What it prints goes into the file `log`, one turn after the other.
    """

    slots: int | None = None
    concurrency: int | None = None
    sleeps = False

    def __init__(self, planned: PlannedArm, narrator: Narrator, *, log: Path | None = None) -> None:
        if not isinstance(planned.launch, CommandLaunch):
            raise TypeError("a server is no command")
        self.planned, self.label, self.standing = planned, planned.label, Standing()
        self._launch, self._narrator, self._log = planned.launch, narrator, log
        self._pages = ProgressPages(self.label, narrator.emit)
        self._process: ArmProcess | None = None
        self._failure: asyncio.Future[ArmError] | None = None

    # -- what the keeper asks

    async def start(self) -> None:
        """Nothing starts before its turn: that there is such a program the plan has seen."""
        self._failure = asyncio.get_running_loop().create_future()
        self._narrator.arm_state(self.label, "starting")
        self._narrator.emit(self._pages.descriptor(self._narrator.clock.now_ns(), self.planned.arm.unit))
        data: dict[str, JsonValue] = {
            "version": None,
            "requested": self.planned.requested,
            "effective": {"command": list(self._launch.command)},
            "startup_seconds": 0.0,
        }
        self._narrator.mark(MarkKind.ARM, arm=self.label, state="ready", data=data)
        self.standing.up()

    async def died(self) -> ArmError:
        """Wait until a turn of it has failed, and say how."""
        assert self._failure is not None, "start it first"
        return await asyncio.shield(self._failure)

    async def stop(self) -> None:
        """End what runs of it."""
        if self._process is not None:
            await self._process.stop()

    @property
    def running(self) -> int:
        """1 while it has its turn."""
        return int(self._process is not None)

    # -- what the turns ask

    async def wake(self) -> None:
        """Return when it can work; raise ArmError when it has failed for good."""
        await self.standing.wait()

    async def rest(self) -> None:
        """It has ended with its turn."""
        self._narrator.arm_state(self.label, "resting")

    async def warm_up(self, until_ns: int) -> None:
        """Nothing: a turn starts it afresh, so there is nothing that could stay warm."""

    async def round(
        self, number: int, until: int | asyncio.Event, *, requests: int | None = None, cut: asyncio.Event | None = None
    ) -> RoundLoad:
        """Run it until its work is done or the turn is over; then it is asked to end, and after a grace made to.

        Its own end with status 0 makes a whole turn, whenever it comes. Any other is a failure, told in
        `RoundLoad.problem` and by `died`. `requests` means nothing to it.
        """
        clock = self._narrator.clock
        load = RoundLoad(self.label, number, begun_ns=clock.now_ns())
        self._pages.begin()
        reader = ProgressReader(self._launch.progress)
        process = ArmProcess(
            self._launch.command, env=self._launch.env, log=self._log, on_lines=lambda lines: self._heard(reader, lines)
        )
        self._process = process
        try:
            await process.start()
            was_cut = await self._until(until, cut, process)
            by_itself = process.exited.is_set()
            load.cut = was_cut and not by_itself
            load.cutoff_ns = clock.now_ns() if not isinstance(until, int) else min(until, clock.now_ns())
        finally:
            await process.stop()
            self._process = None
            self._pages.flush()
        load.drained_ns = clock.now_ns()
        if by_itself and process.code != 0:
            load.problem = str(self._failed(process))
        elif self._pages.silent and not load.cut:
            load.problem = _SILENT
        return load

    def _heard(self, reader: ProgressReader, lines: list[bytes]) -> None:
        told = reader.read(lines)
        if told is not None:
            self._pages.add(self._narrator.clock.now_ns(), *told)

    async def _until(self, until: int | asyncio.Event, cut: asyncio.Event | None, process: ArmProcess) -> bool:
        """Wait for the turn's end or the command's own; whether it was neither, but `cut`."""
        over = asyncio.create_task(over_or_cut(self._narrator.clock, until, cut))
        exited = asyncio.create_task(process.exited.wait())
        try:
            await asyncio.wait({over, exited}, return_when=asyncio.FIRST_COMPLETED)
            return over.done() and over.result()
        finally:
            for task in (over, exited):
                task.cancel()
            await asyncio.gather(over, exited, return_exceptions=True)

    def _failed(self, process: ArmProcess) -> ArmError:
        tail = process.tail
        error = ArmExited(self.label, code=process.code, cause=plain_cause(tail, vllm=False), log_tail=tail)
        assert self._failure is not None, "start it first"
        if not self._failure.done():
            self.standing.down()  # until its keeper, who hears of it now, has decided
            self._failure.set_result(error)
        return error
