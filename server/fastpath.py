"""uvicorn's WebSocket protocol with what ASGI cannot say: finished frames, abort, small buffers, our own close codes.

Serving a thousand viewers through ASGI costs two tasks and a dozen calls for every message. Here the same bytes go to
every viewer's socket, by its transport as soon as the system does not take all of them at once, and acks are read where
they arrive. Any other ASGI server works too, by the plain way.
"""

import asyncio
import logging
import os
import time
from asyncio.transports import BaseTransport
from collections.abc import Callable
from typing import Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State

from server.closing import ClosingProtocol
from server.connection import SHUTDOWN_SECONDS, BorrowedSocket, bound, unhurried
from server.shortcut import short_text, whole

WIRE = "wattrace.wire"
"""The scope extension that has this connection's `ViewerProtocol`."""

_LINGER_SECONDS = 1.0


class Listener(Protocol):
    """Who hears of what happens on a connection."""

    def received(self, said: str | bytes, now_ns: int) -> None:
        """The peer has sent a message."""
        ...

    def full(self) -> None:
        """There is no room any more."""
        ...

    def pump(self) -> None:
        """There is room again."""
        ...

    def end(self) -> None:
        """The connection is gone."""
        ...


class ViewerProtocol(WebSocketsSansIOProtocol):
    """One connection: a viewer's, or a recorder's. With a listener attached, it is a `server.viewer.Wire`."""

    conn: ClosingProtocol

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = 2.0
        self._failed = False
        self._between_frames = True
        """Whether the parser waits for a new message; once it does not after some data, nothing more is known."""
        self._listener: Listener | None = None
        self._last_call: asyncio.TimerHandle | None = None
        self.has_room = True
        """Whether nothing is unsent, and the connection open: nothing may follow a close frame."""
        self.hand_over: Callable[[bytes], int] = _took_nothing
        """Hand a finished frame to the system, while there is room: how many bytes it took."""
        self._borrowed: BorrowedSocket | None = None
        logger = logging.getLogger("uvicorn.error")
        self.conn = ClosingProtocol(time.monotonic_ns, max_size=self.config.ws_max_size, logger=logger)

    def connection_made(self, transport: BaseTransport) -> None:
        """Bound what the kernel holds for this viewer, and how long it tries."""
        super().connection_made(transport)
        # Paused as soon as the system takes no more, so that what waits does so where the newest may still replace it.
        self.transport.set_write_buffer_limits(high=0)
        self._borrowed = BorrowedSocket.of(transport)
        if self._borrowed is not None:
            self.hand_over = self._borrowed.send
        bound(transport)

    def handle_connect(self, event: Request) -> None:
        """Let the application abort; its task has not run yet."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][WIRE] = {"protocol": self}

    # -- the wire

    def attach(self, listener: Listener) -> None:
        """From now on messages go to `listener`, and not to the application; `write` may be used."""
        self._listener = listener
        self.stop_keepalive()  # frames are enough of a sign of life, and who takes none is evicted
        if self.disconnected:
            listener.end()

    def write(self, data: bytes) -> None:
        """Send finished frames; unfragmented messages may come between any two of the protocol's own."""
        self.transport.write(data)

    def detach(self) -> None:
        """The application takes over again, to close."""
        self._listener = None

    def take_time(self) -> None:
        """The peer records: it may read slowly, for as long as it answers pings."""
        unhurried(self.transport)

    def abort(self) -> None:
        """Drop the connection and what is unsent."""
        self.transport.abort()

    def abort_after(self, seconds: float) -> None:
        """Drop the connection then, if it still is there."""
        if self._last_call is not None:
            self._last_call.cancel()
        if not self.disconnected:
            self._last_call = self.loop.call_later(seconds, self.transport.abort)

    def shutdown(self) -> None:
        """The server ends: close, but do not wait for ever for somebody who does not read."""
        refused = not self.handshake_complete
        super().shutdown()
        self.abort_after(SHUTDOWN_SECONDS)
        if refused:  # by a 500, after which the application must not answer the handshake, too
            self.disconnected = True

    @property
    def answered(self) -> bool:
        """Whether the last ping has had its pong."""
        return self.pending_ping_payload is None

    def ping(self) -> None:
        """Ask for a pong; the viewer's own patience ends the wait for it."""
        self.pending_ping_payload = os.urandom(4)
        self.conn.send_ping(self.pending_ping_payload)
        self.transport.write(b"".join(self.conn.data_to_send()))

    def pause_writing(self) -> None:
        """The transport has no room."""
        self._full()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The transport has room again."""
        super().resume_writing()
        self.has_room = not self._over
        if self._listener is not None:
            self._listener.pump()

    def _full(self) -> None:
        self.has_room = False
        if self._listener is not None:
            self._listener.full()

    @property
    def _over(self) -> bool:
        return self.disconnected or self.close_sent or self.transport.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self._full()
        if self._borrowed is not None:
            self._borrowed.detach()  # the descriptor's number will be somebody else's
            self.hand_over = _took_nothing
        if self._last_call is not None:
            self._last_call.cancel()
        if self._listener is not None:
            self._listener.end()

    async def send(self, message: Any) -> None:
        """Send what the application says; uvicorn takes a response that refuses the handshake for no answer to it."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    # -- what the peer sends

    def data_received(self, data: bytes) -> None:
        """After a failure, read on in silence: closing on unread data would cost the peer our close frame."""
        if self._failed:
            return
        listener = self._listener
        if listener is not None:
            if self._between_frames and self.conn.state is State.OPEN and (text := short_text(data)) is not None:
                if not self.conn.too_many():
                    listener.received(text, time.monotonic_ns())
                    return
                self.handle_parser_exception()
            self._between_frames = self._between_frames and whole(data)
        elif self.handshake_initiated:
            self._between_frames = False  # nobody sends that early; who does is read with more care
        if not self._failed:
            super().data_received(data)
        if self._over:
            self._full()

    def handle_parser_exception(self) -> None:
        """Send the close frame, and leave the peer a moment to read it."""
        self._failed = True
        said = self.conn.close_sent
        if said is not None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": said.code, "reason": said.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(_LINGER_SECONDS, self.transport.close)

    def handle_ping(self) -> None:
        """Answer, unless the peer does not read: its pongs would wait without a bound."""
        if self.conn.state is not State.OPEN:
            self._full()  # a close came with it: its answer is the last that is sent
        if self.has_room or self.conn.state is not State.OPEN:
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        """Parts of messages may be empty, and go on for ever: those are not kept."""
        if event.data or event.fin:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Text that is not UTF-8 goes to the application as bytes, which has a close code for it."""
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        text = _text(data) if self.curr_msg_data_type == "text" else None
        if self._listener is not None:
            self.frames = []
            self._listener.received(data if text is None else text, time.monotonic_ns())
            return
        if text is None:
            self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()


def _took_nothing(data: bytes) -> int:
    return 0


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
