"""One viewer: what it may have next, by credit or from the backlog, and since when it has made no progress."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from server.backlog import Backlog
from server.flow import Flow, Lane
from server.frames import Close, CloseCode, Credit, Message, parse_client
from server.tally import Tally

logger = logging.getLogger("wattrace.viewer")

_PING_NS = 5_000_000_000


class Wire(Protocol):
    """A connection that takes finished WebSocket frames, and never waits."""

    @property
    def has_room(self) -> bool:
        """Whether nothing is unsent. `pump` is called when it is so again."""
        ...

    def write(self, data: bytes) -> None:
        """Send these bytes, or keep them until they can be."""
        ...

    @property
    def hand_over(self) -> Callable[[bytes], int]:
        """Hand these bytes to the system, where nothing is unsent: how many it took; OSError, or fewer, for less."""
        ...

    @property
    def answered(self) -> bool:
        """Whether the last ping has had its pong, which says that all before it was read."""
        ...

    def ping(self) -> None:
        """Ask for a pong."""
        ...


class Viewer:
    """A viewer's slot. With a `wire`, messages go straight onto it; without, whoever serves it awaits `next`."""

    __slots__ = (
        "_afresh", "_backlog", "_flow", "_moved", "_next", "_pinged_ns", "_tally", "_until", "_wake",
        "address", "closing", "credit", "lane", "over", "progress_ns", "prompt", "review_seq", "wire",
    )  # fmt: skip

    def __init__(
        self,
        credit: Credit,
        backlog: Backlog,
        now_ns: int,
        wire: Wire | None = None,
        flow: "Flow[Viewer] | None" = None,
        *,
        prompt: bool = False,
    ) -> None:
        self.credit, self.wire, self.prompt = credit, wire, prompt
        self._flow = flow if flow is not None else Flow[Viewer](crowd=0)
        self.lane: Lane[Viewer] | None = None
        self.review_seq = 0
        self.progress_ns = now_ns
        self.closing: Close | None = None
        self.address: str | None = None
        self.over = asyncio.Event()
        """Set when the connection is to end, or has ended."""
        self._backlog = backlog
        self._next: int | None = None
        """The frame that comes next from the backlog; None: live."""
        self._until = 0
        self._afresh: Callable[[], Message] | None = None
        self._wake = asyncio.Event()
        self._moved = False
        self._pinged_ns = now_ns
        self._tally = Tally()

    # -- to the viewer

    def resume(self, since: int, until: int, afresh: Callable[[], Message]) -> None:
        """Bring it everything after frame `since` from the backlog before it is live again.

        Who has not caught up by frame `until` would go on showing the past: it is shown everything afresh.
        """
        self._next, self._until, self._afresh = since + 1, until, afresh

    @property
    def keeps_up(self) -> bool:
        """Whether it has had everything, and has room for more."""
        wire = self.wire
        live = wire is not None and wire.has_room and self._next is None and self.closing is None
        return live and self.credit.last_sent == self._flow.seq and self.credit.clear

    def offer(self, message: Message) -> None:
        """Another message is there; never waits."""
        if self._next is not None:
            if message.is_frame and message.seq <= self._until:  # it is in the backlog
                self._go_on()
                return
            self.credit.skip(message.seq - self._next)
            self._next = None  # a hello shows everything afresh
            if message.is_frame and self._afresh is not None:
                message = self._afresh()
        self.credit.offer(message)
        self._go_on()

    def _go_on(self) -> None:
        if self.wire is None:
            self._wake.set()
        else:
            self.pump()

    def pump(self) -> None:
        """Put onto the wire what may go now."""
        wire = self.wire
        assert wire is not None
        self._moved = self._moved or wire.has_room
        while wire.has_room and not self.over.is_set() and (message := self.take()) is not None:
            self.unsent(message.framed)

    def take(self) -> Message | None:
        """What to send next; None when there is nothing, or no credit for it."""
        if self._next is None or self.credit.waiting:  # a hello stands before what was missed
            return self.credit.take()
        message = self._backlog.get(self._next)
        if message is None:
            self._next = None
            return self.credit.take()
        self._next += 1
        self.credit.sent(message.seq)
        return message

    def unsent(self, rest: bytes) -> None:
        """The system did not take so much of a frame: the wire sends it, or keeps it; whatever goes wrong ends it."""
        assert self.wire is not None
        try:
            self.wire.write(rest)
        except Exception:
            logger.exception("a viewer's connection failed")
            self.end()

    def full(self) -> None:
        """The wire has no room any more."""
        self._flow.leave(self)

    async def next(self) -> Message:
        """The next message for this viewer, as soon as there is one that it may have."""
        while (message := self.take()) is None:
            self._wake.clear()
            await self._wake.wait()
        return message

    # -- from the viewer

    def received(self, said: str | bytes, now_ns: int) -> None:
        """Take what the viewer sends; anything but an ack for a frame that it got ends the connection.

        A wire counts by itself, the parts of messages, pings and pongs too.
        """
        if self.wire is None and self._tally.too_many(now_ns):
            self.end(Close(CloseCode.TOO_MANY))
        if self.closing is not None:
            return
        judged = parse_client(said)
        refusal = judged if isinstance(judged, Close) else self._acknowledged(judged, now_ns)
        if refusal is not None:
            self.end(refusal)
        elif self.credit.waiting:
            self._go_on()

    def _acknowledged(self, seq: int, now_ns: int) -> Close | None:
        self._flow.settle(self)
        before = self.credit.in_flight
        refusal = self.credit.acknowledge(seq)
        if self.credit.in_flight < before:  # the same ack again is no progress
            self.progress_ns = now_ns
        if self.credit.exhausted:
            self._flow.leave(self)
        else:
            self._flow.review(self)
        return refusal

    def excuse(self, ns: int) -> None:
        """Nobody could make progress for so long, because the server itself stood still."""
        self.progress_ns += ns

    def swept(self, now_ns: int) -> None:
        """Once a second: has it made progress? What it acknowledges counts; of who never does, what it reads.

        That the system takes bytes says little: the peer's may keep megabytes for somebody who reads nothing.
        """
        wire = self.wire
        if wire is None or self.credit.exhausted:
            return
        if (self._moved or wire.has_room) and wire.answered:
            self.progress_ns = now_ns
            if wire.has_room and not self.credit.acknowledges and now_ns - self._pinged_ns >= _PING_NS:
                self._pinged_ns = now_ns
                wire.ping()
        self._moved = False

    # -- its end

    async def attend(self, *work: Coroutine[Any, Any, None]) -> None:
        """Do all of `work` at once, until one of it has ended or the viewer is over; the rest is cancelled then."""
        tasks = [asyncio.create_task(each) for each in (*work, _over(self.over))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def close(self, code: CloseCode) -> None:
        """Have the connection ended; the first code stays."""
        self.end(Close(code))

    def end(self, close: Close | None = None) -> None:
        """It is over: because of `close`, or because the connection is gone."""
        self._flow.leave(self)
        self.closing = self.closing or close
        self.over.set()


async def _over(event: asyncio.Event) -> None:
    await event.wait()
