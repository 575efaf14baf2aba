"""WebSocket's state machine with our own close codes: whatever a peer sends ends as docs/protocol.md says. Pure."""

from collections.abc import Callable
from typing import Any

from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode as StandardCode
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from server.frames import Close, CloseCode
from server.tally import Tally

_OURS: dict[int, CloseCode] = {
    StandardCode.MESSAGE_TOO_BIG: CloseCode.TOO_LARGE,
    StandardCode.PROTOCOL_ERROR: CloseCode.NOT_WEBSOCKET,
    StandardCode.INVALID_DATA: CloseCode.NOT_WEBSOCKET,  # a reason to close that is not UTF-8
    StandardCode.SERVICE_RESTART: CloseCode.GOING_AWAY,  # uvicorn's word to who is left at the end: recorders
    StandardCode.INTERNAL_ERROR: CloseCode.FAILED,
}
"""What websockets and uvicorn close with, and which code of docs/protocol.md that is."""


class ClosingProtocol(ServerProtocol):
    """Closes with the codes of docs/protocol.md, whatever it is that the peer sends, and however much."""

    def __init__(self, now_ns: Callable[[], int], **settings: Any) -> None:
        super().__init__(**settings)
        self._now_ns = now_ns
        self._tally = Tally()

    def too_many(self) -> bool:
        """Count another message, or a part of one: whether the connection has failed by it."""
        if not self._tally.too_many(self._now_ns()):
            return False
        self.fail(CloseCode.TOO_MANY, Close(CloseCode.TOO_MANY).reason)
        return True

    def recv_frame(self, frame: Frame) -> None:
        """Take another frame; the parser reads none after one too many, however much has come. See websockets."""
        if frame.opcode is not Opcode.CLOSE and self.too_many():
            raise ProtocolError("too many messages")
        super().recv_frame(frame)

    def fail(self, code: int, reason: str = "") -> None:
        """Fail the connection; see websockets."""
        super().fail(*_told(code, reason))

    def send_close(self, code: int | None = None, reason: str = "") -> None:
        """Close the connection; see websockets."""
        super().send_close(*_told(code, reason))


def _told(code: int | None, reason: str) -> tuple[Any, str]:
    ours = _OURS.get(code) if code is not None else None
    return (code, reason) if ours is None else (ours, Close(ours).reason)
