"""The hub: one frame a tick, encoded once, offered to a bounded slot of every viewer. Drops are counted."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import orjson

from engine import __version__
from engine.clock import NS, Clock
from server import frames
from server.backlog import KEPT_SECONDS, Backlog
from server.flow import Flow
from server.frames import Close, CloseCode, Credit, Message
from server.scene import HISTORY_POINTS, Scene
from server.settings import Settings
from server.show import Show
from server.viewer import Viewer, Wire

logger = logging.getLogger("wattrace.hub")

_CATCH_UP_NS = NS // 4
_MOST_DIGITS = 15
_RESUME_SECONDS = 2.0
"""How long a viewer that comes back may take to catch up."""
_FULLEST_FIRST = ((HISTORY_POINTS, True), (100, True), (100, False), (30, False), (0, False))
"""Points of history, and whether with descriptors: what a `hello` may leave out to stay within its size."""


@dataclass
class Counters:
    """What the hub has done since the server began."""

    frames: int = 0
    offered: int = 0
    """Frames to viewers, each counted for each."""
    ticks_failed: int = 0
    dropped: int = 0
    """Frames that viewers who have left did not get."""
    evicted: int = 0
    refused: int = 0
    resumed: int = 0
    """Viewers that came back and got just what they had missed."""


class Seen(NamedTuple):
    """What a viewer that comes back has seen: frame `since` of the run called `run`."""

    run: str
    since: int

    @classmethod
    def parse(cls, run: str, since: str) -> "Seen | None":
        """From a request's words; anything odd is taken as a first visit."""
        if not run or not since.isascii() or not since.isdigit() or len(since) > _MOST_DIGITS:
            return None
        return cls(run, int(since))


class Hub:
    """Publishes the scene to all viewers; one task, whose owner is `running`."""

    def __init__(
        self, scene: Scene, settings: Settings, clock: Clock, *, first_seq: int = 1, show: Show | None = None
    ) -> None:
        self.scene, self.settings, self.clock = scene, settings, clock
        self.show = show or Show()
        self.counters = Counters()
        self.seq = first_seq - 1
        self.closed = False
        self.newest: bytes = b""
        self.held: bytes | None = None
        """The `hello` around the frame that froze the screens, for a page that is opened while they are frozen."""
        self._edition = scene.edition
        self._hello: Message | None = None
        self._viewers: set[Viewer] = set()
        self._addresses: Counter[str] = Counter()
        self._backlog = Backlog(round(KEPT_SECONDS * settings.frame_rate))
        self._flow = Flow[Viewer](settings.crowd)
        self._empty = asyncio.Event()
        self._publish()

    def put_on(self, scene: Scene) -> None:
        """Show another scene from the next frame on, with a new `hello`: what was there is not mixed with it."""
        scene.settle()
        scene.edition = max(scene.edition, self._edition) + 1
        self.scene = scene

    @property
    def viewers(self) -> int:
        """How many viewers there are now."""
        return len(self._viewers)

    def stats(self) -> dict[str, int]:
        """Counts since the server began; `dropped` includes what present viewers have missed."""
        dropped = self.counters.dropped + sum(viewer.credit.missed for viewer in self._viewers)
        return {**vars(self.counters), "dropped": dropped, "viewers": self.viewers}

    def lag_frames(self) -> dict[str, int]:
        """How many frames viewers who acknowledge have not acknowledged: the median, nine of ten, and the most."""
        behind = sorted(viewer.credit.in_flight for viewer in self._viewers if viewer.credit.acknowledges)
        if not behind:
            return {}
        return {"0.5": behind[len(behind) // 2], "0.9": behind[len(behind) * 9 // 10], "1": behind[-1]}

    def join(
        self, wire: Wire | None = None, *, address: str | None = None, seen: Seen | None = None, prompt: bool = False
    ) -> Viewer | Close:
        """A slot for one more viewer, with its `hello` in it; or why there is none.

        `seen` is what a viewer that comes back has seen: it gets what it missed where that can be had. One that is
        `prompt` gets every frame at once, in a crowd, too.
        """
        if refusal := self.refusal(address):
            self.counters.refused += refusal.code is CloseCode.FULL
            return refusal
        credit = Credit(self.settings.credit, self.seq)
        viewer = Viewer(credit, self._backlog, self.clock.now_ns(), wire, self._flow, prompt=prompt)
        viewer.address = address
        if seen is not None and self._may_resume(seen):
            self.counters.resumed += 1
            viewer.offer(Message(seen.since, frames.resumed(seen.since, self.clock.now_ns(), seen.run), is_frame=False))
            viewer.resume(seen.since, self.seq + round(_RESUME_SECONDS * self.settings.frame_rate), self._greeting)
        else:
            viewer.offer(self._greeting())
        self._viewers.add(viewer)
        self._flow.others.add(viewer)
        self._addresses[address or ""] += 1
        return viewer

    def refusal(self, address: str | None) -> Close | None:
        """Why nobody may join from `address` now; None: somebody may."""
        if self.closed:
            return Close(CloseCode.GOING_AWAY)
        alone = self.settings.viewers_per_address
        if len(self._viewers) >= self.settings.viewers or (address and 0 < alone <= self._addresses[address]):
            return Close(CloseCode.FULL)
        return None

    def _may_resume(self, seen: Seen) -> bool:
        return self.run_id == seen.run and self._backlog.resumable(seen.since, self._edition)

    @property
    def run_id(self) -> str | None:
        """The run on stage."""
        start = self.scene.ledger.start
        return start.run if start else None

    def leave(self, viewer: Viewer) -> None:
        """The viewer is gone."""
        self._viewers.discard(viewer)
        self._flow.forget(viewer)
        self._addresses[viewer.address or ""] -= 1
        self._addresses += Counter()  # forgets who has nobody left
        self.counters.dropped += viewer.credit.missed
        if not self._viewers:
            self._empty.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Hub"]:
        """Publish at the frame rate for as long as the context is open."""
        task = asyncio.create_task(self._run(), name="hub")
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def close(self, grace_seconds: float = 0.5) -> None:
        """Send every viewer away (1001), and wait for them for `grace_seconds`."""
        self.closed = True
        self._empty.clear()
        for viewer in tuple(self._viewers):
            viewer.close(CloseCode.GOING_AWAY)
        if self._viewers:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), grace_seconds)

    async def _run(self) -> None:
        due_ns = swept_ns = self.clock.now_ns()
        while True:
            # Absolute deadlines: a short delay is made up for; after a long one nothing is told twice.
            due_ns = max(due_ns + self.settings.period_ns, self.clock.now_ns() - _CATCH_UP_NS)
            await self.clock.wait_until(due_ns)
            await asyncio.sleep(0)  # frames that take longer than their period must not keep all others from running
            self._attempt(self._publish)
            if due_ns - swept_ns >= NS:
                self._attempt(partial(self._evict, due_ns, max(0, due_ns - swept_ns - 2 * NS)))
                swept_ns = due_ns

    def _attempt(self, step: Callable[[], None]) -> None:
        """A frame may be lost; the stream must not be. Counted, and told once a second at most."""
        try:
            step()
        except Exception:
            self.counters.ticks_failed += 1
            if self.counters.ticks_failed % max(1, round(self.settings.frame_rate)) == 1:
                logger.exception("a frame could not be made")

    def _publish(self) -> None:
        """Make the next frame and offer it to everyone, and a new `hello` when the run is another."""
        now_ns = self.clock.now_ns()
        payload = {**self.scene.payload(now_ns), **self.show.fresh(now_ns)}
        self.newest = frames.frame(self.seq + 1, now_ns, payload)
        self.seq += 1
        self.counters.frames += 1
        message = Message(self.seq, self.newest)
        self._backlog.add(message, self._edition)
        self.counters.offered += len(self._viewers)
        self._offer(message)
        if self.scene.edition != self._edition:
            self._edition = self.scene.edition
            self._offer(self._greeting())
        if not self.show.frozen:
            self.held = None
        elif self.held is None:
            self.held = self._made_greeting()

    def _offer(self, message: Message) -> None:
        """To everyone: by the flow to those who keep up, one by one to the others, some of whom then do."""
        if message.is_frame:
            self._flow.turn_out(message.seq)
        others = tuple(self._flow.others)
        self._flow.send(message)
        for viewer in others:
            viewer.offer(message)
            if viewer.keeps_up and viewer.wire is not None:
                self._flow.enter(viewer, viewer.wire.hand_over)

    def _greeting(self) -> Message:
        """The `hello` around the newest frame, made once for all who join between two frames."""
        if self._hello is None or self._hello.seq != self.seq:
            self._hello = Message(self.seq, self._made_greeting(), is_frame=False)
        return self._hello

    def _made_greeting(self) -> bytes:
        """The fullest `hello` that stays within its size."""
        now_ns, made = self.clock.now_ns(), b""
        for points, descriptors in _FULLEST_FIRST:
            payload: dict[str, Any] = {"version": __version__, "show": self.show.payload()}
            payload |= self.scene.greeting(points, descriptors=descriptors)
            made = frames.hello(self.seq, now_ns, payload, self.newest)
            if len(made) < frames.HELLO_BYTES:
                break
        return made

    def _evict(self, now_ns: int, stood_still_ns: int = 0) -> None:
        """Disconnect who neither took nor acknowledged anything for too long; while we stood still nobody could."""
        limit_ns = now_ns - round(self.settings.eviction_seconds * NS)
        for viewer in self._viewers:
            viewer.excuse(stood_still_ns)
            viewer.swept(now_ns)
        for viewer in [viewer for viewer in self._viewers if viewer.progress_ns < limit_ns]:
            self.counters.evicted += viewer.closing is None
            viewer.close(CloseCode.TOO_SLOW)

    def snapshot(self) -> dict[str, Any]:
        """The newest frame with what `hello` says of the run, for those who ask over HTTP."""
        frame: dict[str, Any] = orjson.loads(self.newest)
        return {**frame, "run": self.scene.run_info(), "demo": self.scene.demo_info(), "show": self.show.payload()}
