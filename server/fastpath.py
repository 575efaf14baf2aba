"""uvicorn's WebSocket protocol with what ASGI cannot say: abort, small buffers, our own close codes."""

import logging
import socket
from asyncio.transports import BaseTransport
from contextlib import suppress
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode as StandardCode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from server.frames import CloseCode

ABORT = "wattrace.abort"
"""The scope extension that has a callable which drops the connection and what is unsent."""

_SEND_BUFFER_BYTES = 65_536
"""The kernel's own default grows to 4 MB: minutes of frames that nobody will want to see."""
_USER_TIMEOUT_MS = 20_000
_LINGER_SECONDS = 1.0


class _Viewers(ServerProtocol):
    """Closes with our own code for messages that are too large, whatever their size."""

    def fail(self, code: int, reason: str = "") -> None:
        """Fail the connection; see websockets."""
        ours = CloseCode.TOO_LARGE if code == StandardCode.MESSAGE_TOO_BIG else code
        super().fail(ours, "message too large" if ours is CloseCode.TOO_LARGE else reason)


class ViewerProtocol(WebSocketsSansIOProtocol):
    """One viewer's connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = 2.0
        self._failed = False
        logger = logging.getLogger("uvicorn.error")
        self.conn = _Viewers(max_size=self.config.ws_max_size, logger=logger)

    def connection_made(self, transport: BaseTransport) -> None:
        """Bound what the kernel holds for this viewer, and how long it tries."""
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        with suppress(OSError, AttributeError):  # not TCP, or a system without the option
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)

    def handle_connect(self, event: Request) -> None:
        """Let the application abort; its task has not run yet."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][ABORT] = {"abort": self.transport.abort}

    def data_received(self, data: bytes) -> None:
        """After a failure, read on in silence: closing on unread data would cost the peer our close frame."""
        if not self._failed:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Send the close frame, and leave the peer a moment to read it."""
        self._failed = True
        said = self.conn.close_sent
        if said is not None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": said.code, "reason": said.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(_LINGER_SECONDS, self.transport.close)

    def send_receive_event_to_app(self) -> None:
        """Text that is not UTF-8 goes to the application as bytes, which has a close code for it."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
