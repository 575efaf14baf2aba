"""An ack that is read past the parser means what the parser would have read, wherever the packets are cut."""

import asyncio
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.frames import Opcode, apply_mask

from server.fastpath import ViewerProtocol
from server.shortcut import short_text, whole

REQUEST = (
    b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ACK = b'{"ack":12}'
MASK = b"\x01\x9f\x42\x81"


class Ears:
    """Hears what a connection says of its peer."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def received(self, said: str | bytes, now_ns: int) -> None:
        self.heard.append(said)

    def full(self) -> None:
        self.heard.append("full")

    def pump(self) -> None: ...

    def end(self) -> None: ...


class Socketless(asyncio.Transport):
    """A transport with nobody at its other end."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


def masked(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    """As a client sends it; long control frames and broken ones, too, which websockets would not make."""
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([fin << 7 | opcode]) + length + MASK + apply_mask(data, MASK)


async def heard(packets: list[bytes], early: int, *, shortcut: bool) -> tuple[list[Any], bytes]:
    """What the listener hears of `packets`, of which so many come before it listens; and what is answered."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await asyncio.Event().wait()

    ears, transport = Ears(), Socketless()
    config = Config(app, ws_max_size=1024, ws_per_message_deflate=False, log_level="critical")
    protocol = ViewerProtocol(config, ServerState(), {})
    protocol.connection_made(transport)
    for packet in [REQUEST, *packets[:early]]:
        protocol.data_received(packet)
    await asyncio.sleep(0)
    transport.sent = b""
    protocol.attach(ears)
    protocol._between_frames = protocol._between_frames and shortcut
    for packet in packets[early:]:
        protocol.data_received(packet)
    tasks = list(protocol.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if protocol.close_timer is not None:
        protocol.close_timer.cancel()
    return ears.heard, transport.sent


FRAMES = st.builds(
    masked,
    st.sampled_from([Opcode.TEXT] * 6 + [Opcode.BINARY, Opcode.CONT, Opcode.PING, Opcode.PONG, Opcode.CLOSE]),
    st.sampled_from([ACK] * 6 + [b"", b"\xff", b"\x03\xe8", b"x" * 125, b"x" * 126, b"x" * 2000]),
    st.sampled_from([True] * 6 + [False]),
)


@st.composite
def packets(draw: st.DrawFn) -> list[bytes]:
    """Frames, most of them in a packet of their own, some cut anywhere, some together."""
    found = [b""]
    for frame in draw(st.lists(FRAMES | FRAMES | FRAMES | st.binary(min_size=1, max_size=9), max_size=8)):
        match draw(st.sampled_from(["alone", "alone", "alone", "together", "cut"])):
            case "alone":
                found.append(frame)
            case "together":
                found[-1] += frame
            case _:
                at = draw(st.integers(0, len(frame)))
                found += [frame[:at], frame[at:]]
    return [packet for packet in found if packet]


@settings(max_examples=300, deadline=None)
@given(packets(), st.integers(0, 2))
@example([masked(Opcode.TEXT, ACK)[:2], masked(Opcode.TEXT, ACK)[2:], masked(Opcode.TEXT, ACK)], 0)
@example([masked(Opcode.BINARY, masked(Opcode.TEXT, ACK))[:6], masked(Opcode.TEXT, ACK)], 0)
@example([masked(Opcode.BINARY, masked(Opcode.TEXT, ACK))[:6], masked(Opcode.TEXT, ACK)], 1)
@example([masked(Opcode.TEXT, ACK, fin=False), masked(Opcode.TEXT, ACK)], 0)
@example([masked(Opcode.CLOSE, b"\x03\xe8"), masked(Opcode.TEXT, ACK)], 0)
@example([masked(Opcode.TEXT, ACK)] * 250, 0)
def test_what_is_heard_is_what_the_parser_reads(said: list[bytes], early: int) -> None:
    quick, slow = (asyncio.run(heard(said, early, shortcut=shortcut)) for shortcut in (True, False))
    assert quick == slow


@given(st.binary(max_size=140))
def test_any_text_of_up_to_125_bytes_is_read_and_nothing_else(data: bytes) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    assert short_text(masked(Opcode.TEXT, data)) == (text if len(data) < 126 else None)
    assert short_text(masked(Opcode.BINARY, data)) is None
    assert short_text(data) is None or len(data) >= 6


@given(st.lists(FRAMES, min_size=1, max_size=4), st.data())
def test_frames_that_are_all_there_are_whole(frames: list[bytes], data: st.DataObject) -> None:
    assert whole(b"".join(frames)) == all(frame[0] & 0x80 for frame in frames)
    first = frames[0]
    assert not whole(first[: data.draw(st.integers(1, len(first) - 1))])
