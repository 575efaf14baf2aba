"""The wire: messages as bytes, what viewers may answer, and how much each may be behind. No I/O.

`docs/protocol.md` is the contract. Whatever a viewer sends, `parse_client` gives an acknowledgement or a
documented close, never an exception.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

PROTOCOL = 1
MAX_CLIENT_BYTES = 1024
"""An ack takes some twenty; anything longer than this is refused unread."""
HELLO_BYTES = 16_000
BACKLOG_BYTES = 65_536
"""What may wait for one viewer, whether it acknowledges or not."""


class CloseCode(IntEnum):
    """Why a socket was closed, and whether to come back (docs/protocol.md)."""

    COMPLETE = 1000
    GOING_AWAY = 1001
    NOT_WEBSOCKET = 1002
    FAILED = 1011
    NOT_AN_ACK = 4400
    ORIGIN = 4403
    NO_SUCH_RECORDING = 4404
    TOO_SLOW = 4408
    TOO_LARGE = 4413
    NO_SUCH_POSITION = 4416
    TOO_MANY = 4420
    FULL = 4429


_REASONS = {
    CloseCode.COMPLETE: "the recording is complete",
    CloseCode.NO_SUCH_RECORDING: "there is no recording of that run here",
    CloseCode.NO_SUCH_POSITION: "from is not where a line of the recording begins",
    CloseCode.GOING_AWAY: "the server is going away",
    CloseCode.NOT_WEBSOCKET: "what was sent is not WebSocket (RFC 6455)",
    CloseCode.FAILED: "the server has failed, or heard no answer to a ping",
    CloseCode.NOT_AN_ACK: 'viewers send only {"ack": seq}',
    CloseCode.ORIGIN: "this origin may not watch",
    CloseCode.TOO_SLOW: "too slow: no progress",
    CloseCode.TOO_LARGE: "message too large",
    CloseCode.TOO_MANY: "too many messages",
    CloseCode.FULL: "as many viewers as the server takes",
}


@dataclass(frozen=True)
class Close:
    """The end of a viewer's connection."""

    code: CloseCode

    @property
    def reason(self) -> str:
        """A few words for whoever reads the close frame."""
        return _REASONS[self.code]


class Message:
    """One message to viewers: a frame, or a `hello`, whose `seq` is that of the frame within.

    The same object goes to every viewer, so its bytes are made once; `framed` is the message as one unmasked WebSocket
    text frame (RFC 6455, 5.2), as servers send it. Nothing else is kept: a minute of frames waits for who comes back.
    """

    __slots__ = ("framed", "is_frame", "seq", "size")

    def __init__(self, seq: int, payload: bytes, *, is_frame: bool = True) -> None:
        self.seq, self.size, self.is_frame = seq, len(payload), is_frame
        self.framed = text_frame(payload)

    @property
    def payload(self) -> bytes:
        """The message itself: JSON in UTF-8."""
        return self.framed[len(self.framed) - self.size :]


def text_frame(payload: bytes) -> bytes:
    """`payload` as one unfragmented, unmasked text frame: FIN and opcode 1, then the length in the shortest form."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def frame(seq: int, t_ns: int, payload: Mapping[str, Any]) -> bytes:
    """A `frame`; `seq` and `t_ns` stand before any other key, so that a reader finds them without parsing."""
    return orjson.dumps({"type": "frame", "seq": seq, "t_ns": t_ns, **payload})


def hello(seq: int, t_ns: int, payload: Mapping[str, Any], newest: bytes) -> bytes:
    """A `hello` with the `newest` frame, whole."""
    head = {"type": "hello", "protocol": PROTOCOL, "seq": seq, "t_ns": t_ns}
    return orjson.dumps({**head, **payload, "frame": orjson.Fragment(newest)})


def resumed(since: int, t_ns: int, run: str) -> bytes:
    """The `hello` of a viewer that comes back: what it has is right, and the frame after `since` comes next."""
    head = {"type": "hello", "protocol": PROTOCOL, "seq": since, "t_ns": t_ns}
    return orjson.dumps({**head, "resumed": True, "run": {"id": run}})


def missed(frames: int) -> Message:
    """What a viewer hears before the next frame when it missed some."""
    return Message(0, b'{"type":"missed","frames":%d}' % frames, is_frame=False)


def too_large(message: str | bytes) -> bool:
    """Whether it has more bytes, in UTF-8, than anybody may send at once."""
    if isinstance(message, str) and not message.isascii():
        message = message.encode(errors="surrogatepass")
    return len(message) > MAX_CLIENT_BYTES


def parse_client(message: str | bytes) -> int | Close:
    """The frame number that a viewer acknowledges, or the close that its message earns."""
    if too_large(message):
        return Close(CloseCode.TOO_LARGE)
    try:
        content = orjson.loads(message) if isinstance(message, str) else None  # only text messages are acks
    except ValueError:
        return Close(CloseCode.NOT_AN_ACK)
    if not isinstance(content, dict) or content.keys() != {"ack"}:
        return Close(CloseCode.NOT_AN_ACK)
    seq = content["ack"]
    return seq if type(seq) is int and seq >= 0 else Close(CloseCode.NOT_AN_ACK)


class Credit:
    """Which frames one viewer gets: all while it keeps up, else only the newest, and how many it missed.

    A viewer that acknowledges may leave `limit` frames unacknowledged; one that never does is bounded by the
    bytes that wait for it. Credit counts from the first acknowledgement on.
    """

    __slots__ = (
        "_in_flight", "_told", "_waiting", "_waiting_bytes",
        "acknowledges", "backlog_bytes", "last_sent", "limit", "missed",
    )  # fmt: skip

    def __init__(self, limit: int, seq: int, *, backlog_bytes: int = BACKLOG_BYTES) -> None:
        self.limit, self.backlog_bytes = limit, backlog_bytes
        self.missed = 0
        self._told = 0
        self.last_sent = seq
        self.acknowledges = False
        self._in_flight: deque[int] = deque(maxlen=limit)
        self._waiting: deque[Message] = deque()
        self._waiting_bytes = 0

    @property
    def exhausted(self) -> bool:
        """Whether no frame may be sent before the next acknowledgement."""
        return self.acknowledges and len(self._in_flight) >= self.limit

    @property
    def in_flight(self) -> int:
        """Frames that were sent and not acknowledged."""
        return len(self._in_flight)

    @property
    def waiting(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait."""
        return self._waiting_bytes

    @property
    def left(self) -> int:
        """How many frames may still be sent before the next acknowledgement, once it acknowledges."""
        return self.limit - len(self._in_flight)

    @property
    def clear(self) -> bool:
        """Whether nothing waits, nothing is to be told, and the next frame may be sent."""
        return not self._waiting and self.missed == self._told and not self.exhausted

    def flowed(self, seq: int) -> None:
        """Every frame up to `seq` has been sent."""
        self._in_flight.extend(range(max(self.last_sent + 1, seq + 1 - self.limit), seq + 1))
        self.last_sent = max(self.last_sent, seq)

    def skip(self, frames: int) -> None:
        """So many frames it will not get, and need not be told of: a hello comes in their place."""
        self.missed += max(0, frames)
        self._told = self.missed

    def sent(self, seq: int) -> None:
        """Frame `seq` went out by another way, which needs no credit."""
        self.last_sent = max(self.last_sent, seq)

    def _count(self, message: Message) -> None:
        if message.is_frame:
            self._in_flight.append(message.seq)
        self.last_sent = max(self.last_sent, message.seq)

    def offer(self, message: Message) -> None:
        """Another message is there for this viewer."""
        self._waiting.append(message)
        self._waiting_bytes += message.size
        if len(self._waiting) > 1 and (self.exhausted or self._waiting_bytes > self.backlog_bytes):
            self._keep_newest()

    def take(self) -> Message | None:
        """What to send next; None when there is nothing, or no credit for it."""
        if not self._waiting:
            return None
        message = self._waiting[0]
        if message.is_frame:
            if self.exhausted:
                return None
            if self.missed > self._told:
                behind, self._told = self.missed - self._told, self.missed
                return missed(behind)
        self._waiting.popleft()
        self._waiting_bytes -= message.size
        self._count(message)
        return message

    def acknowledge(self, seq: int) -> Close | None:
        """The viewer has seen everything up to frame `seq`; one that it never got cannot be acknowledged."""
        if seq > self.last_sent:
            return Close(CloseCode.NOT_AN_ACK)
        self.acknowledges = True
        while self._in_flight and self._in_flight[0] <= seq:
            self._in_flight.popleft()
        return None

    def _keep_newest(self) -> None:
        """Let only the newest message wait, and before a frame the newest `hello`, which must not be lost."""
        *older, newest = self._waiting
        hellos = [message for message in older if not message.is_frame]
        self.missed += len(older) - len(hellos)
        self._waiting = deque([*hellos[-1:], newest] if newest.is_frame else [newest])
        self._waiting_bytes = sum(message.size for message in self._waiting)
