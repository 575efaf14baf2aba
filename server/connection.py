"""What every connection of this server has: bounds on what the kernel holds for it, and a way past its transport."""

import socket
from asyncio.transports import BaseTransport, WriteTransport
from contextlib import suppress

SHUTDOWN_SECONDS = 0.7
"""How long anybody may take to read the rest when the server ends: less than uvicorn waits before it complains."""

_SEND_BUFFER_BYTES = 65_536
"""The kernel's own default grows to 4 MB: minutes of frames that nobody will want to see."""
_USER_TIMEOUT_MS = 20_000
"""The system counts from when it first could not send all, even where a small window opens again and again."""
_UNSENT_BYTES = 16_384
"""A third of a second of frames."""


def bound(transport: BaseTransport) -> None:
    """Bound what the kernel holds for the peer, and how long it tries to deliver it."""
    sock = transport.get_extra_info("socket")
    with suppress(OSError, AttributeError):  # not TCP, or a system without the option
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)


def unhurried(transport: BaseTransport) -> None:
    """Let the system try for as long as the peer lives: it wants everything, and may read slowly."""
    with suppress(OSError, AttributeError):
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0)


def narrow(transport: WriteTransport) -> None:
    """Let little wait unsent: the peer wants the newest, which cannot take the place of what is written already."""
    transport.set_write_buffer_limits(high=0)
    with suppress(OSError, AttributeError):
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)


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
