"""The player: the controller of a replay's process, and the scene that its documents and its jumps make."""

import base64
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from engine.clock import Clock
from engine.documents import Document
from engine.moments import thawed
from server.control import AlreadyRunning, Command, Controller
from server.scene import Scene
from server.settings import from_environment
from server.stageinfo import DemoInfo, ReplayInfo

logger = logging.getLogger("wattrace.replaying")

_CUE = b'{"cue":'
_OVER = frozenset({"done", "failed", "aborted"})


class Player(Controller):
    """Plays the recording that `replay` tells of.

    A jump makes another scene, in the replay's process and not here, where frames would wait for it; `shown` is called
    with each new one.
    """

    def __init__(
        self,
        command: Command,
        *,
        replay: ReplayInfo,
        period_ns: int,
        clock: Clock,
        shown: Callable[[Scene], None],
        demo: DemoInfo | None = None,
        debug: bool = False,
    ) -> None:
        super().__init__(command, sink=self._add, begun=self._begin, ended=self._end, debug=debug)
        self.scene = Scene(period_ns=period_ns, demo=demo, replay=replay)
        self.jumps = 0
        """Jumps that have been made."""
        self._first, self._clock, self._shown = replay, clock, shown

    @property
    def replay(self) -> ReplayInfo:
        """How it is being played."""
        assert self.scene.replay is not None
        return self.scene.replay

    async def start(self, demo: str | None = None) -> None:
        """Play from the start; again, too, when the end has been reached. Raises AlreadyRunning."""
        if not self.running:
            await super().start(demo)
        elif self.scene.state in _OVER:
            await self.pause(False)
            await self.seek(0)
        else:
            raise AlreadyRunning  # its process stays beyond the stop that it plays: nobody waits for its end

    async def set_speed(self, speed: float) -> None:
        """Recorded seconds a second. Raises NotRunning, as all orders do."""
        await self.command({"command": "speed", "speed": speed})
        self._direct(speed=float(speed))

    async def pause(self, paused: bool) -> None:
        """Stand still, or go on."""
        await self.command({"command": "pause", "paused": paused})
        self._direct(paused=paused)

    async def loop(self, loop: bool) -> None:
        """Whether to begin again at the end."""
        await self.command({"command": "loop", "loop": loop})
        self._direct(loop=loop)

    async def seek(self, t_ns: int) -> None:
        """Go on from `t_ns`, as soon as that has been made."""
        await self.command({"command": "seek", "t_ns": t_ns})

    async def step(self, to: str) -> None:
        """Go on from where the `next` round begins, or the `previous` one."""
        await self.command({"command": "step", "to": to})

    # -- within

    def _add(self, document: Document) -> None:
        self.scene.add(document, self._clock.now_ns())

    def _begin(self) -> None:
        self.scene.begin()

    def _end(self, returncode: int | None, last_words: str) -> None:
        if returncode == 0:
            self.scene.leave("the replay was stopped")
        else:
            self.scene.end(returncode, last_words)

    def _direct(self, **changes: Any) -> None:
        self.scene.direct(replace(self.replay, **changes), self._clock.now_ns())

    def _enter(self, line: bytes) -> None:
        if not line.startswith(_CUE):
            super()._enter(line)
            return
        try:
            self._cue(orjson.loads(line))
        except Exception:
            self.undecodable += 1
            logger.exception("a jump could not be made")

    def _cue(self, cue: dict[str, Any]) -> None:
        match cue:
            case {"cue": "reel", "duration_ns": int(duration_ns)}:
                self._direct(duration_ns=duration_ns)
            case {"cue": "moment", "t_ns": int(t_ns), "fold": str(fold)}:
                scene = thawed(base64.b64decode(fold))
                scene.land(self.scene.demo, self.replay, t_ns, self._clock.now_ns())
                self.scene, self.jumps = scene, self.jumps + 1
                self._shown(scene)
            case _:
                self.undecodable += 1


def new_scene() -> Scene:
    """What a replay's process folds documents into: a scene like its server's, whose settings it has."""
    return Scene(period_ns=from_environment(os.environ).period_ns, replay=ReplayInfo(""))
