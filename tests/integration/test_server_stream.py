"""The stream: a real uvicorn on a real port, real WebSocket clients, some of them bad."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from serving import Serving, settle, silent_viewer
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from server.fastpath import WIRE
from server.frames import HELLO_BYTES

pytestmark = pytest.mark.alone


@pytest.fixture
def server() -> Iterator[Serving]:
    with Serving() as serving:
        yield serving


async def hello(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await socket.recv())
    assert message["type"] == "hello"
    return message


async def watch(socket: ClientConnection, seconds: float, *, ack: bool = True) -> list[dict[str, Any]]:
    """Everything that comes within `seconds`."""
    found: list[dict[str, Any]] = []
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            found.append(json.loads(await asyncio.wait_for(socket.recv(), left)))
        except TimeoutError:
            break
        if ack and found[-1].get("seq", 1) % 10 == 0:
            await socket.send(json.dumps({"ack": found[-1]["seq"]}))
    return found


async def closed(socket: ClientConnection) -> int | None:
    """Read on to the end; the code that the server closed with."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), 20)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None


async def test_frames_flow_at_twenty_a_second_without_gaps_idle_too(server: Serving) -> None:
    async with connect(server.ws) as viewer:
        first = await hello(viewer)
        assert first["protocol"] == 1 and first["run"] is None and first["demo"]["name"] == "fake"
        found = await watch(viewer, 3)
    assert all(message["type"] == "frame" for message in found)
    assert [message["seq"] for message in found] == list(range(first["seq"] + 1, first["seq"] + 1 + len(found)))
    assert len(found) >= 54
    times = [message["t_ns"] for message in found]
    assert times == sorted(times) and abs(times[-1] - time.monotonic_ns()) < 5e9
    assert found[-1]["state"] == "idle" and found[-1]["simulated"] is True


async def test_seq_and_time_come_first_and_hello_is_small() -> None:
    with Serving(autostart=True) as server:
        await settle(lambda: server.stage.scene.state == "racing")
        async with connect(server.ws) as viewer:
            first = await viewer.recv()
            frame = await viewer.recv()
    assert isinstance(first, str) and len(first.encode()) < HELLO_BYTES
    assert json.loads(first)["run"]["title"] == "Fake"
    assert isinstance(frame, str) and frame.startswith('{"type":"frame","seq":')
    assert list(json.loads(frame))[:3] == ["type", "seq", "t_ns"]


async def test_a_race_is_seen_as_it_happens() -> None:
    with Serving(autostart=True) as server:
        async with connect(server.ws) as viewer:
            found = await watch(viewer, 3)
    frames = [message for message in found if message["type"] == "frame"]
    hellos = [message for message in found if message["type"] == "hello"]
    assert hellos[-1]["run"]["power_source"] == "simulated"
    last = frames[-1]
    assert last["state"] == "racing" and last["schedule"]["round"] >= 2 and last["age_ns"] < 1e9
    assert last["arms"]["A"]["tokens"] > 0 and last["arms"]["A"]["prompt"] == "Why?"
    assert sum(len(frame["power"]["t_ns"]) for frame in frames) > 20
    assert {frame["schedule"]["arm"] for frame in frames[20:]} >= {"A", "B"}


async def test_a_viewer_that_never_reads_delays_nobody(server: Serving) -> None:
    stalled = [silent_viewer(server.port) for _ in range(3)]
    try:
        async with connect(server.ws) as viewer:
            await hello(viewer)
            found = await watch(viewer, 5)
    finally:
        for viewer_socket in stalled:
            viewer_socket.close()
    seqs = [message["seq"] for message in found]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert len(seqs) >= 90


async def test_a_viewer_that_never_reads_is_evicted_and_its_connection_dropped() -> None:
    # Frames fast and big enough that buffers fill within the test's patience.
    with Serving(frame_rate=60.0, eviction_seconds=1.0) as server:
        server.stage.scene._override = ("failed", "x" * 300)
        server.stage.scene.payload = _fat(server.stage.scene.payload)
        stalled = silent_viewer(server.port)
        try:
            await settle(lambda: server.stage.hub.viewers == 1)
            await settle(lambda: server.stage.hub.counters.evicted == 1)
            await settle(lambda: server.stage.hub.viewers == 0)
            await settle(lambda: not server.server.server_state.connections)
        finally:
            stalled.close()


def _fat(payload: Any) -> Any:
    return lambda now_ns: {**payload(now_ns), "weight": "x" * 20_000}


async def test_who_reads_but_stops_acknowledging_hears_why_it_is_sent_away() -> None:
    with Serving(credit=4, eviction_seconds=1.0) as server:
        async with connect(server.ws) as viewer:
            first = await hello(viewer)
            await viewer.send(json.dumps({"ack": first["seq"]}))
            assert await closed(viewer) == 4408


async def test_out_of_credit_only_the_newest_after_a_word_about_the_missed() -> None:
    with Serving(credit=4) as server:
        async with connect(server.ws) as viewer:
            first = await hello(viewer)
            await viewer.send(json.dumps({"ack": first["seq"]}))
            before = await watch(viewer, 1.5, ack=False)
            await viewer.send(json.dumps({"ack": before[-1]["seq"]}))
            missed = json.loads(await viewer.recv())
            newest = json.loads(await viewer.recv())
    assert 4 <= len(before) < 15
    assert missed["type"] == "missed"
    assert newest["seq"] == before[-1]["seq"] + missed["frames"] + 1


async def test_fifty_viewers_come_and_go(server: Serving) -> None:
    async def visit(number: int) -> None:
        await asyncio.sleep(number * 0.03)
        async with connect(server.ws) as viewer:
            await hello(viewer)
            await viewer.recv()
            if number % 3 == 0:  # some hang up without a word
                viewer.transport.abort()

    async with connect(server.ws) as witness:
        await hello(witness)
        visits = asyncio.gather(*(visit(number) for number in range(50)))
        found = await watch(witness, 4)
        await visits
        await settle(lambda: server.stage.hub.viewers == 1)
    seqs = [message["seq"] for message in found]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))) and len(seqs) >= 72


@pytest.mark.parametrize(
    "said",
    [
        "hello?", "{}", '{"ack": "1"}', '{"ack": -1}', '{"ack": 1, "more": 2}', '{"command": "stop"}',
        b"\x00\x01", b'{"ack": 1}', '{"ack": 99999999999}', "",
    ],
)  # fmt: skip
async def test_rubbish_is_closed_with_4400(server: Serving, said: str | bytes) -> None:
    async with connect(server.ws) as viewer, connect(server.ws) as other:
        await viewer.send(said)
        assert await closed(viewer) == 4400
        assert len(await watch(other, 0.5)) > 4


async def test_text_that_is_not_utf8_is_closed_with_4400(server: Serving, caplog: pytest.LogCaptureFixture) -> None:
    async with connect(server.ws) as viewer:
        viewer.transport.write(Frame(Opcode.TEXT, b"\xff\xfe{").serialize(mask=True))
        assert await closed(viewer) == 4400
    assert caplog.text == ""


@pytest.mark.parametrize("size", [1025, 4097, 3_000_000])
async def test_an_oversized_message_is_closed_with_4413(server: Serving, size: int) -> None:
    async with connect(server.ws) as viewer, connect(server.ws) as other:
        with suppress(ConnectionClosed):  # the server may close before it was all sent
            await viewer.send("x" * size)
        assert await closed(viewer) == 4413
        assert len(await watch(other, 0.5)) > 4


@pytest.mark.parametrize(
    ("origin", "code"), [("https://evil.example", 4403), ("null", 4403), ("http://127.0.0.1:1", 4403)]
)
async def test_another_origin_may_not_watch(server: Serving, origin: str, code: int) -> None:
    async with connect(server.ws, additional_headers={"Origin": origin}) as viewer:
        assert await closed(viewer) == code
    assert server.stage.hub.viewers == 0


async def test_this_origin_a_listed_one_and_none_may_watch() -> None:
    with Serving(origins=("https://stage.example",)) as server:
        for headers in ({}, {"Origin": server.url}, {"Origin": "https://stage.example"}):
            async with connect(server.ws, additional_headers=headers) as viewer:
                await hello(viewer)


async def test_another_host_is_refused(server: Serving, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InvalidStatus, match="421") as refused:
        async with connect(f"ws://evil.example:{server.port}/ws", host="127.0.0.1", port=server.port):
            pass
    headers = refused.value.response.headers
    assert headers["x-content-type-options"] == "nosniff" and "evil" not in headers["content-security-policy"]
    await settle(lambda: not server.server.server_state.connections)
    assert caplog.text == ""


UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
KEY, VERSION = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "Sec-WebSocket-Version: 13\r\n"


@pytest.mark.parametrize(
    ("asked", "headers", "status"),
    [
        ("GET /ws", UPGRADE + KEY + VERSION, 101),
        ("GET /ws", "", 404),
        ("GET /nothing", UPGRADE + KEY + VERSION, 403),
        ("GET /healthz", UPGRADE + KEY + VERSION, 403),
        ("GET /ws", UPGRADE + VERSION, 400),
        ("GET /ws", UPGRADE + "Sec-WebSocket-Key: x\r\n" + VERSION, 400),
        ("GET /ws", UPGRADE + KEY, 400),
        ("GET /ws", UPGRADE + KEY + "Sec-WebSocket-Version: 8\r\n", 400),
        ("POST /ws", UPGRADE + KEY + VERSION, 405),
    ],
)
def test_a_handshake_that_is_none_has_the_status_of_the_documentation(
    server: Serving, asked: str, headers: str, status: int
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(f"{asked} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        assert client.recv(12) == f"HTTP/1.1 {status}".encode()


async def test_the_viewer_cap() -> None:
    with Serving(viewers=2) as server:
        async with connect(server.ws) as one, connect(server.ws) as two, connect(server.ws) as three:
            await hello(one)
            await hello(two)
            assert await closed(three) == 4429
            assert len(await watch(one, 0.5)) > 4


async def test_going_away_is_told() -> None:
    with Serving() as server:
        viewer = await connect(server.ws)
        await hello(viewer)
        server.server.should_exit = True
        assert await closed(viewer) == 1001
        await viewer.close()


async def test_who_is_not_let_in_yet_when_the_server_goes_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    serving = Serving()
    app = serving.stage.app

    async def late(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            while not scope["extensions"][WIRE]["protocol"].transport.is_closing():
                await asyncio.sleep(0)
        await app(scope, receive, send)

    serving.server.config.app = late
    with caplog.at_level("ERROR"), serving as server:
        early = silent_viewer(server.port)
        await settle(lambda: bool(server.server.server_state.tasks))
    assert early.recv(12) == b"HTTP/1.1 500"
    early.close()
    assert caplog.text == ""
