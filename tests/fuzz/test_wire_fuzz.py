"""Whatever bytes come on a socket: a documented close or none, and never an error of the server's."""

import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from integration.plain_client import PlainViewer
from serving import Serving

from server.frames import CloseCode

OPCODES = [0x0, 0x1, 0x1, 0x1, 0x2, 0x3, 0x8, 0x9, 0xA, 0xB, 0xF]
PAYLOADS = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [b'{"ack":1}', b'{"ack":', b"1}", b"\xff\xfe", b"x" * 1025, b"x" * 5000, b"\x03\xe8", b"\x03\xe7\xff"]
    ),
)
ANSWER_SECONDS = 0.15
"""How long it may take to close. Most of what closes nothing is a frame that has not all come."""


def frame(first: int, payload: bytes, *, masked: bool, told: int | None) -> bytes:
    """A frame as its sender wants it, which says to be `told` bytes long."""
    size = len(payload) if told is None else told
    length = (
        bytes([size])
        if size < 126
        else b"\x7e" + size.to_bytes(2, "big")
        if size < 65536
        else b"\x7f" + size.to_bytes(8, "big")
    )
    head = bytes([first, length[0] | (0x80 if masked else 0)]) + length[1:]
    return head + (b"\0\0\0\0" if masked else b"") + payload


FRAMES = st.builds(
    frame,
    st.builds(lambda fin, rsv, opcode: fin | rsv << 4 | opcode, st.sampled_from([0x80, 0x80, 0]),
              st.sampled_from([0, 0, 0, 0, 0, 0, 1, 4]), st.sampled_from(OPCODES)),
    PAYLOADS,
    masked=st.sampled_from([True] * 7 + [False]),
    told=st.none() | st.none() | st.none() | st.integers(0, 2**63),
)  # fmt: skip
SAID = st.lists(FRAMES | FRAMES | st.binary(max_size=40), min_size=1, max_size=6).map(b"".join)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_RACE_DATA", str(folder))
        with Serving(autostart=True, data=folder) as serving:
            yield serving


def ended(said: bytes, port: int, query: str) -> tuple[int | None, bool]:
    """The code of the server's close frame, None without one, and whether the frame only echoes the client's."""
    viewer = PlainViewer("127.0.0.1", port, query)
    try:
        viewer.socket.sendall(said)
        heard = viewer.messages()
        until = time.monotonic() + ANSWER_SECONDS
        while viewer.close_code is None and time.monotonic() < until:
            next(heard, None)
        viewer.socket.shutdown(socket.SHUT_WR)
        for _ in heard:
            pass
    except (ConnectionError, ValueError):  # cut off, in the middle of a message perhaps
        pass
    finally:
        viewer.socket.close()
    return viewer.close_code, viewer.close_code is not None and viewer.close_code.to_bytes(2, "big") in said


@pytest.mark.parametrize("query", ["", "?mode=record"])
def test_any_bytes_end_in_a_documented_close(server: Serving, query: str, caplog: pytest.LogCaptureFixture) -> None:
    codes = set()

    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(SAID)
    @example(frame(0x81, b"hello", masked=True, told=None))
    @example(frame(0x83, b"hello", masked=True, told=None))
    def check(said: bytes) -> None:
        code, echoed = ended(said, server.port, query)
        codes.add(code)
        assert code is None or code in set(CloseCode) or echoed, code
        assert caplog.text == ""

    check()
    assert {CloseCode.NOT_WEBSOCKET, CloseCode.NOT_AN_ACK} <= codes
    assert server.stage.hub.counters.ticks_failed == 0
