"""What every connection of this server has: bounds on what the kernel holds for it, and a way past its transport."""

import socket
from asyncio.transports import BaseTransport
from contextlib import suppress

SHUTDOWN_SECONDS = 0.7
"""How long anybody may take to read the rest when the server ends: less than uvicorn waits before it complains."""

_SEND_BUFFER_BYTES = 65_536
"""The kernel's own default grows to 4 MB: minutes of frames that nobody will want to see."""
_USER_TIMEOUT_MS = 20_000


def bound(transport: BaseTransport) -> None:
    """Bound what the kernel holds for the peer, and how long it tries to deliver it."""
    sock = transport.get_extra_info("socket")
    with suppress(OSError, AttributeError):  # not TCP, or a system without the option
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)


class BorrowedSocket(socket.socket):
    """A transport's socket, to send on without the transport, which costs a tenth more. It never closes it."""

    @classmethod
    def of(cls, transport: BaseTransport) -> "BorrowedSocket | None":
        """None where what is sent is not what is written (TLS)."""
        sock = transport.get_extra_info("socket")
        if sock is None or transport.get_extra_info("sslcontext") is not None:
            return None
        return cls(sock.family, sock.type, sock.proto, sock.fileno())

    def __del__(self) -> None:
        self.detach()
