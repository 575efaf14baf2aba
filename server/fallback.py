"""The fallback: when the race on stage dies, the screen says why, and a recording of the same demo may take over.

Live and replay are two scenes, of which the hub shows one; nothing of the one ever gets into the other. The race goes
on in the background, if it still can, and is recorded. It comes back on screen by the presenter's hand only.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.clock import NS, Clock
from engine.errors import ServerError, WattraceError
from server.fallback_file import Reserve, find_reserve, places
from server.fallback_tape import make_tape
from server.hub import Hub
from server.replaying import Player
from server.scene import Scene
from server.show import Show
from server.stageinfo import ReplayInfo

logger = logging.getLogger("wattrace.fallback")

_LOOK_SECONDS = 0.1
_STALE_NS = 2 * NS
"""Without a sample for so long the sensor is taken for dead; the screen says STALE after one second."""
_SAMPLED = frozenset({"baseline", "racing"})
_READY_SECONDS = 20.0


class Unavailable(ServerError):
    """There is no recording of the demo on stage that could take over."""

    def __str__(self) -> str:
        return "there is no complete recording of this demo; wattrace rehearse makes one"


class Fallback:
    """Watches `live`, keeps a player ready, and puts its scene on stage when told to, or by itself if `automatic`."""

    def __init__(
        self,
        live: Scene,
        hub: Hub,
        show: Show,
        clock: Clock,
        *,
        data: Path,
        period_ns: int,
        record: Callable[[str, dict[str, Any]], Awaitable[None]],
        find: Callable[[str, Path], Reserve | None] = find_reserve,
    ) -> None:
        """`record` leaves a mark (an action and its particulars) in the race's recording; `find` finds a reserve."""
        self.live, self.hub, self.show = live, hub, show
        self.on = self.automatic = False
        self.player: Player | None = None
        self._clock, self._data, self._period_ns = clock, data, period_ns
        self._find, self._record = find, record
        self._reserve: Reserve | None = None
        self._looked_for: tuple[object, ...] = ()
        self._tape: tuple[Reserve, bytes] | None = None
        self._taping = asyncio.Lock()
        self._why = ""
        self._armed = True
        self._busy = asyncio.Lock()
        show.add("fallback", self.payload)

    def payload(self) -> dict[str, Any]:
        """What viewers hear of it; `live` is how the race is, whatever is on screen."""
        found = self._reserve
        return {
            "on": self.on,
            "available": found is not None,
            "automatic": self.automatic,
            "file": found.file.name if found else "",
            "recorded_utc": found.utc if found else "",
            "simulated": found.simulated if found else False,
            "why": self._why,
            "live": self.live.state,
        }

    def trouble(self) -> str:
        """What is wrong with the race, in a sentence; empty while nothing is."""
        if self.live.state == "failed":
            return self.live.reason or "the race has failed"
        if self.live.failing and self.live.ledger.stop is None:
            return self.live.failing[:300]
        for label, books in self.live.ledger.arms.items():
            if books.state == "failed":
                return f"{label} has failed: {books.reason}"[:300]
        age_ns = self.live.age(self._clock.now_ns())
        if self.live.state in _SAMPLED and age_ns is not None and age_ns > _STALE_NS:
            return "no power has been measured for more than 2 seconds"
        return ""

    def automate(self, automatic: bool) -> None:
        """Whether to take over by itself at the next trouble."""
        self.automatic, self._armed = automatic, True
        self.show.changed()

    async def take_over(self) -> None:
        """Put the recording on stage. Raises Unavailable, or ServerError when it cannot be played."""
        async with self._busy:
            if self.on:
                return
            player = await self._ready()
            await player.pause(False)
            self.on, self._armed = True, False
            self.show.frozen = False  # a picture that is held would be that of what has died
            self.hub.put_on(player.scene)
            self.show.changed()

    async def go_live(self) -> None:
        """Put the race on stage again, however it is."""
        async with self._busy:
            if self.on:
                self.on = False
                self.hub.put_on(self.live)
                self.show.changed()
            await self._dismiss()

    async def tape(self) -> bytes:
        """The recording for a page to keep. Raises Unavailable, or ServerError when none can be made of it."""
        async with self._taping:
            reserve = self._reserve
            if reserve is None:
                raise Unavailable
            if self._tape is None or self._tape[0] != reserve:
                self._tape = (reserve, await make_tape(reserve.file))
            return self._tape[1]

    async def watch(self) -> None:
        """Look after the race for as long as the server runs."""
        while True:
            try:
                await self._look()
            except WattraceError as error:
                self._why = f"{self._why or 'the race is well'}; the fallback cannot be played: {error}"[:300]
                self.automatic = False
                self.show.changed()
            except Exception:
                logger.exception("the race could not be looked after")
            await asyncio.sleep(_LOOK_SECONDS)

    async def close(self) -> None:
        """End the player."""
        async with self._busy:
            await self._dismiss()

    # -- within

    async def _look(self) -> None:
        before, self._why = self._why, self.trouble()
        if self._why != before:
            self.show.changed()
        self._armed = self._armed or not (self._why or self.on)
        await self._search()
        if self.on or self._reserve is None:
            return
        if self.automatic and self._why and self._armed:
            await self.take_over()
            await self._record("fallback", {"to": "replay", "why": self._why})
        elif self._why or (self.automatic and self.live.state in _SAMPLED):
            async with self._busy:
                await self._ready()

    async def _search(self) -> None:
        """Look for a recording whenever there may be another one, or another demo."""
        start = self.live.ledger.start
        demo = start.demo.get("name") if start else None
        name = demo if isinstance(demo, str) else (self.live.demo.name if self.live.demo else "")
        over = self.live.ledger.stop is not None
        key = (name, self.hub.run_id, over, *(_changed(folder) for folder in places(self._data)))
        if key == self._looked_for or self.on:
            return
        self._looked_for = key
        found = await asyncio.to_thread(self._find, name, self._data) if name else None
        if found != self._reserve:
            self._reserve = found
            self.show.changed()
            async with self._busy:
                await self._dismiss()

    async def _ready(self) -> Player:
        """A player that stands at the recording's first round."""
        if self._reserve is None:
            raise Unavailable
        if self.player is None or not self.player.running:
            await self._dismiss()
            await self._prepare(self._reserve.file)
        assert self.player is not None
        return self.player

    async def _prepare(self, file: Path) -> None:
        self.player = player = Player(
            lambda _: replay_command(file),
            replay=ReplayInfo(file.name, paused=True),
            period_ns=self._period_ns,
            clock=self._clock,
            shown=self._jumped,
        )
        await player.start()
        await player.step("next")
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_SECONDS):
                while player.running and not player.jumps:
                    await asyncio.sleep(0.02)
        if not player.jumps:
            words = player.stderr[-1] if player.stderr else "it does not begin"
            await self._dismiss()
            raise ServerError(f"{file.name}: {words}")

    def _jumped(self, scene: Scene) -> None:
        if self.on:
            self.hub.put_on(scene)

    async def _dismiss(self) -> None:
        player, self.player = self.player, None
        if player is not None:
            await player.close()


def replay_command(file: Path) -> Sequence[str]:
    """A replay of `file` that stands still until told to go on."""
    return (sys.executable, "-P", "-m", "server.cli", "replay", str(file), "--stream", "--paused")


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
