"""Replay: a recording's documents again, in their order and at their pace, from any moment on."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.clock import NS, Clock, MonotonicClock
from engine.documents import Document, Stop
from engine.moments import Fold, Moments, Reel, documents_after, happened_ns, reel
from engine.recording.reader import CUT

SPEEDS = (0.5, 1.0, 2.0, 10.0, 20.0)
_NAP_SECONDS = 0.05
_EXPLORED_AT_ONCE = 200


@dataclass
class Pace:
    """Maps the recording's time to the clock's; speed and place may change on the way, and it may stand still."""

    clock: Clock
    speed: float = 1.0
    paused: bool = False
    _recorded_ns: int = 0
    _clock_ns: int = 0

    def begin(self) -> None:
        """The recording's zero is now."""
        self.jump(0)

    @property
    def here_ns(self) -> int:
        """Where it is now, on the recording's clock."""
        passed = 0 if self.paused else self.clock.now_ns() - self._clock_ns
        return self._recorded_ns + round(passed * self.speed)

    def wait_ns(self, recorded_ns: int) -> float:
        """How long until something recorded at `recorded_ns` is due; not above 0: it is."""
        left_ns = recorded_ns - self.here_ns
        return left_ns / self.speed if left_ns <= 0 or not self.paused else float("inf")

    def change(self, *, speed: float | None = None, paused: bool | None = None) -> None:
        """Go on from here at `speed` times real time, or stand still."""
        self.jump(self.here_ns)
        self.speed = self.speed if speed is None else speed
        self.paused = self.paused if paused is None else paused

    def jump(self, recorded_ns: int) -> None:
        """Go on from `recorded_ns`."""
        self._recorded_ns, self._clock_ns = recorded_ns, self.clock.now_ns()


class Replay:
    """Emits the documents of the recording `path`, as its orders change them meanwhile.

    A jump needs `begin`, which makes the empty fold that stands for what a listener makes of the documents: instead of
    every document up to there, the listener is told what they come to.
    """

    def __init__(
        self,
        path: Path,
        emit: Callable[[Document], None],
        *,
        tell: Callable[[dict[str, Any]], None] = lambda _: None,
        begin: Callable[[], Fold] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.path = path
        self.pace = Pace(clock or MonotonicClock())
        self.looping = False
        self._emit, self._tell = emit, tell
        self._moments = Moments(path, begin) if begin else None
        self._reel: Reel | None = None
        self._jump: int | None = None
        self._done, self._stopped = 0, False
        self._asked = asyncio.Event()

    # -- orders

    def set_speed(self, speed: float) -> None:
        """Half, once, twice or ten times real time; other values are refused with ValueError."""
        if speed not in SPEEDS:
            raise ValueError(f"speed {speed:g} is not one of {', '.join(f'{s:g}' for s in SPEEDS)}")
        self.pace.change(speed=speed)
        self._asked.set()

    def pause(self, paused: bool) -> None:
        """Stand still, or go on."""
        self.pace.change(paused=paused)
        self._asked.set()

    def loop(self, looping: bool) -> None:
        """Whether to begin again at the end."""
        self.looping = looping
        self._asked.set()

    def seek(self, t_ns: int) -> None:
        """Go on from `t_ns` of the recording's clock; the last one wins while one is under way."""
        if self._moments is None:
            raise ValueError("this replay has nobody who could jump")
        self._jump = max(0, t_ns)
        self._asked.set()

    async def step(self, *, forward: bool) -> None:
        """Go on from where the next round begins, or the one before."""
        found = await self._surveyed()
        here_ns = self.pace.here_ns if self._jump is None else self._jump
        self.seek(found.step(min(here_ns, found.duration_ns), forward=forward))

    # -- playing

    async def run(self, *, stay: bool = False) -> None:
        """Emit everything; a recording that was cut off ends with a stop document that says so.

        With `stay` it waits at the end for orders to begin again, and never returns.
        """
        self.pace.begin()
        while True:
            if await self._play():
                if not self._stopped:
                    self._emit(Stop(t_ns=self.pace.here_ns, exit_status="fail", reason=CUT))
                while not self._begins_again():
                    if not stay:
                        return
                    await self._order()
            await self._land()

    def _begins_again(self) -> bool:
        """At the end: whether a jump is ordered, be it by the loop."""
        if self._jump is None and self.looping and self.pace.here_ns > NS:
            self._jump = 0
        return self._jump is not None

    async def explore(self) -> None:
        """Read ahead in the background, so that every jump is a short one; and tell how long the recording is."""
        found = await self._surveyed()
        self._tell({"cue": "reel", "duration_ns": found.duration_ns})
        while self._moments is not None and await asyncio.to_thread(self._moments.explore, _EXPLORED_AT_ONCE):
            await asyncio.sleep(0)

    async def _surveyed(self) -> Reel:
        if self._reel is None:
            self._reel = await asyncio.to_thread(reel, self.path)
        return self._reel

    async def _play(self) -> bool:
        """Emit what comes next; False when a jump has been ordered meanwhile."""
        recorded_ns = 0
        for document in documents_after(self.path, self._done):
            recorded_ns = max(recorded_ns, happened_ns(document))
            while (wait_ns := self.pace.wait_ns(recorded_ns)) > 0 and self._jump is None:
                await self._order(wait_ns / NS)
            if self._jump is not None:
                return False
            self._emit(document)
            self._stopped = isinstance(document, Stop)
        return True

    async def _land(self) -> None:
        """Make the jump that was ordered last."""
        assert self._moments is not None
        while self._jump is not None:
            wanted, self._jump = self._jump, None
            moment = await asyncio.to_thread(self._moments.at, wanted)
        self._done, self._stopped = moment.documents, moment.stopped
        self.pace.jump(wanted)
        self._tell({"cue": "moment", "t_ns": wanted, "fold": base64.b64encode(moment.fold).decode()})

    async def _order(self, seconds: float = float("inf")) -> None:
        """Wait for an order, but not for longer than a nap."""
        self._asked.clear()
        waiting = asyncio.ensure_future(self._asked.wait())
        await asyncio.wait({waiting}, timeout=min(seconds, _NAP_SECONDS))
        waiting.cancel()
