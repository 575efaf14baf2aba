"""WebSocket's state machine with our own close codes: whatever a peer sends ends as docs/protocol.md says. Pure."""

from typing import Any

from websockets.frames import CloseCode as StandardCode
from websockets.server import ServerProtocol

from server.frames import Close, CloseCode

_OURS: dict[int, CloseCode] = {
    StandardCode.MESSAGE_TOO_BIG: CloseCode.TOO_LARGE,
    StandardCode.PROTOCOL_ERROR: CloseCode.NOT_WEBSOCKET,
    StandardCode.INVALID_DATA: CloseCode.NOT_WEBSOCKET,  # a reason to close that is not UTF-8
    StandardCode.SERVICE_RESTART: CloseCode.GOING_AWAY,  # uvicorn's word to who is left at the end: recorders
    StandardCode.INTERNAL_ERROR: CloseCode.FAILED,
}
"""What websockets and uvicorn close with, and which code of docs/protocol.md that is."""


class ClosingProtocol(ServerProtocol):
    """Closes with the codes of docs/protocol.md, whatever it is that the peer sends."""

    def fail(self, code: int, reason: str = "") -> None:
        """Fail the connection; see websockets."""
        super().fail(*_told(code, reason))

    def send_close(self, code: int | None = None, reason: str = "") -> None:
        """Close the connection; see websockets."""
        super().send_close(*_told(code, reason))


def _told(code: int | None, reason: str) -> tuple[Any, str]:
    ours = _OURS.get(code) if code is not None else None
    return (code, reason) if ours is None else (ours, Close(ours).reason)
