"""The turns of a race: warm-up, idle baseline, and the rounds with cool-downs between them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from engine.clock import NS
from engine.config import Demo
from engine.documents import MarkKind
from engine.errors import ArmError
from engine.loadgen import RoundLoad, over_or_cut
from engine.narrator import Narrator
from engine.schedule import Block, Turn, blocks
from engine.turns.cooling import Cooling
from engine.turns.entrant import Entrant
from engine.turns.skipping import Skipping
from engine.turns.tasks import all_of, cancelled, cut_short
from engine.turns.telling import round_told
from engine.validity import Reason

_FEWEST_ARMS = 2
_OBITUARY_SECONDS = 1.0
"""So long whoever watches the arm's process may take to say that it has ended, and how."""
_SENSORS_SECONDS = 0.5
"""By then the last samples of a round are in, and its figures stand."""
_CALM_SECONDS = 1.0
"""Between the last work of the warm-up and the idle baseline; never longer than the baseline itself."""
_CUT = "ended early by the presenter"


class Turns:
    """Runs `demo`'s schedule on `entrants` that are ready; `decided` tells after each block whether more are needed,
    and `before` is awaited before each turn.

    An arm that is gone for good (`lose`) takes no more turns; the others go on as long as there are two.
    """

    def __init__(
        self,
        demo: Demo,
        entrants: Mapping[str, Entrant],
        narrator: Narrator,
        *,
        decided: Callable[[], bool] = lambda: False,
        before: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._demo, self._entrants, self._narrator, self._decided = demo, entrants, narrator, decided
        self._cooling, self._skipping = Cooling(demo.schedule, narrator), Skipping()
        self._before = before
        self._together = demo.schedule.mode != "alternate"
        self._gone: dict[str, ArmError] = {}
        self._loss = asyncio.Event()
        self._running: dict[str, asyncio.Task[RoundLoad]] = {}

    def lose(self, error: ArmError) -> bool:
        """An arm is gone for good: its round ends now, incomplete. Whether the others are enough to go on."""
        enough = len(self._left) - (error.arm in self._left) >= _FEWEST_ARMS
        if error.arm not in self._gone:
            self._gone[error.arm] = error
            self._loss.set()
            if enough:
                text = f"arm {error.arm} is gone; the race goes on without it"
                self._narrator.mark(MarkKind.WARNING, arm=error.arm, text=text)
        if task := self._running.get(error.arm):
            task.cancel()
        return enough

    def next(self) -> None:
        """End the turn that is on now, which is incomplete then, or the wait before it; nothing else is changed."""
        self._skipping.skip()

    @property
    def _left(self) -> list[str]:
        return [label for label in self._entrants if label not in self._gone]

    # -- before the rounds

    async def warm_up(self) -> None:
        """Every arm works until its speed settles, so that caches and clocks are up before anything counts.

        Raises ArmError when too few arms are left.
        """
        seconds = self._demo.schedule.warm_up_seconds
        if self._demo.schedule.mode == "shared":
            text = "all arms share the device at once: whose watts they are nobody can tell"
            self._narrator.mark(MarkKind.WARNING, text=text, data={"code": Reason.SHARED_DEVICE.value, "open": True})
        if self._together:
            self._narrator.phase("warming", seconds)
            with self._skipping.possible() as cut:
                await all_of([self._warm_up(label, seconds, cut) for label in self._left])
            return
        for label in self._left:
            self._narrator.phase("warming", seconds, arm=label)
            with self._skipping.possible() as cut:
                await self._warm_up(label, seconds, cut)

    async def _warm_up(self, label: str, seconds: float, cut: asyncio.Event) -> None:
        entrant, restart = self._entrants[label], self._demo.arms[self._demo.labels.index(label)].restart
        tries = 1 + (restart.times if restart else 0)
        for left in reversed(range(tries)):
            try:
                await entrant.wake()
                until_ns = self._narrator.clock.now_ns() + round(seconds * NS)
                if await cut_short(entrant.warm_up(until_ns), cut):
                    text = f"arm {label}: its warm-up was {_CUT}; its first round may be unlike the later ones"
                    self._narrator.mark(MarkKind.WARNING, arm=label, text=text)
                await entrant.rest()
                return
            except ArmError as error:
                if left:
                    await asyncio.sleep(_OBITUARY_SECONDS)
                else:
                    await self._drop(error)

    async def baseline(self) -> None:
        """Leave the device idle, with the arms loaded, for as long as the demo asks.

        Of arms that sleep one is awake, as in a turn. Raises ArmError when too few arms are left.
        """
        seconds = self._demo.schedule.baseline_seconds
        if seconds <= 0:
            return
        awake = next((label for label in self._left if self._entrants[label].sleeps), None)
        if awake is not None:
            await self._do(self._entrants[awake].wake())
        # The last tokens' watts are no idle ones, and clocks come down a moment after the work.
        await asyncio.sleep(min(_CALM_SECONDS, seconds))
        clock = self._narrator.clock
        self._narrator.phase("baseline", seconds)
        with self._skipping.possible() as cut:
            await over_or_cut(clock, clock.now_ns() + round(seconds * NS), cut)
        if awake is not None and awake not in self._gone:
            await self._do(self._entrants[awake].rest())

    # -- the rounds

    async def rounds(self) -> None:
        """Every block in its order, until all are run or the verdict is decided.

        Raises the ArmError of an arm that was lost on the way, at the latest when the others are through.
        """
        schedule = self._demo.schedule
        planned = blocks(schedule.mode, self._demo.labels, schedule.rounds)
        if left_out := schedule.rounds - sum(len(block.turns) for block in planned):
            text = f"{left_out} of {schedule.rounds} rounds left out: arms that run together need whole blocks"
            self._narrator.mark(MarkKind.NOTE, text=text)
        for block in planned:
            await self._block(block)
            if block is not planned[-1] and await self._is_decided():
                text = f"the verdict is decided: ended after {block.number} of {len(planned)} blocks"
                self._narrator.mark(MarkKind.NOTE, text=text)
                break
        for error in self._gone.values():
            raise error
        self._narrator.phase("done")

    async def _is_decided(self) -> bool:
        if not self._demo.schedule.stop_when_decided:
            return False
        await asyncio.sleep(_SENSORS_SECONDS)
        return self._decided()

    async def _block(self, block: Block) -> None:
        for turns in [block.turns] if block.together else [(turn,) for turn in block.turns]:
            present = [turn for turn in turns if turn.arm not in self._gone]
            if present:
                await self._cooling.wait([turn.arm for turn in present], self._skipping)
                await self._turns(present)

    async def _turns(self, turns: Sequence[Turn]) -> None:
        """Turns that begin at the same time."""
        ready = [turn for turn in turns if await self._ready(turn.arm)]
        if not ready:
            return
        self._narrator.phase("racing")
        begun_ns = self._narrator.clock.now_ns()
        with self._skipping.possible() as cut:
            await all_of([self._round(turn, begun_ns, cut) for turn in ready])
        for turn in ready:
            # One that has failed, or is being started anew, is not put to rest.
            if self._narrator.ledger.arms[turn.arm].state == "active":
                await self._do(self._entrants[turn.arm].rest())

    async def _ready(self, label: str) -> bool:
        if label in self._gone or not await self._do(self._entrants[label].wake()):
            return False
        if self._before is not None:
            await self._before(label)
        return True

    async def _round(self, turn: Turn, begun_ns: int, cut: asyncio.Event) -> None:
        """One turn: load until its time is up or its work is done, then drain."""
        schedule, entrant, narrator = self._demo.schedule, self._entrants[turn.arm], self._narrator
        requests = schedule.round_requests
        cutoff_ns = begun_ns + round(schedule.round_seconds * NS) if requests is None else None
        told = round_told(turn, entrant, begun_ns=begun_ns, cutoff_ns=cutoff_ns, requests=requests)
        narrator.arm_state(turn.arm, "active")
        told.begin(narrator)
        until = asyncio.Event() if cutoff_ns is None else cutoff_ns
        work = asyncio.create_task(entrant.round(turn.number, until, requests=requests, cut=cut))
        self._running[turn.arm] = work
        load: RoundLoad | None = None
        problem: str | None = "the run ended in the middle of it"
        try:
            await asyncio.wait([work])
            if not work.cancelled():
                load = work.result()
                problem = load.problem or (_CUT if load.cut else None)
        finally:
            del self._running[turn.arm]
            await cancelled([work])
            told.end(narrator, load, str(self._gone.get(turn.arm, "")) or problem)
        if load is not None and load.problem:
            narrator.mark(MarkKind.WARNING, arm=turn.arm, text=f"round {turn.number}: {load.problem}")
            await asyncio.sleep(_OBITUARY_SECONDS)

    # -- losses

    async def _do(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do something with an arm; False when that was the end of it."""
        try:
            await work
        except ArmError as error:
            await self._drop(error)
            return False
        return True

    async def _drop(self, error: ArmError) -> None:
        """An arm does not go on; whoever watches its process may know better why. Raises when too few are left."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OBITUARY_SECONDS):
                while error.arm not in self._gone:
                    self._loss.clear()
                    await self._loss.wait()
        error = self._gone.get(error.arm, error)
        self._narrator.arm_failed(error)
        self.lose(error)
        if len(self._left) < _FEWEST_ARMS:
            raise error
