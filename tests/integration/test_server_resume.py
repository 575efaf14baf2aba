"""Coming back, by WebSocket and by server-sent events; and a client made from the documentation alone."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from serving import Serving, settle
from websockets.asyncio.client import connect

from integration.plain_client import PlainViewer


@pytest.fixture
def server() -> Iterator[Serving]:
    with Serving(autostart=True) as serving:
        yield serving


async def seen_some(server: Serving) -> dict[str, Any]:
    """The newest frame that a viewer saw before its connection was cut."""
    await settle(lambda: server.stage.scene.state == "racing")
    async with connect(server.ws) as viewer:
        last: dict[str, Any] = {}
        for _ in range(20):
            message = json.loads(await viewer.recv())
            last = message if message["type"] == "frame" else last
        viewer.transport.abort()
    return last


async def test_a_viewer_that_comes_back_gets_exactly_what_it_missed(server: Serving) -> None:
    last = await seen_some(server)
    await asyncio.sleep(2)
    async with connect(f"{server.ws}?run={last['run']}&since={last['seq']}") as viewer:
        found = [json.loads(await viewer.recv()) for _ in range(60)]
    hello, *frames = found
    assert hello["type"] == "hello" and hello["resumed"] is True and hello["run"]["id"] == last["run"]
    assert [frame["seq"] for frame in frames] == list(range(last["seq"] + 1, last["seq"] + 60))
    assert server.stage.hub.counters.resumed == 1


@pytest.mark.parametrize("query", ["?run=x&since=1", "?since=5", "?run=%00&since=-1", "?run=x&since=" + "9" * 50])
async def test_an_odd_wish_is_a_first_visit(server: Serving, query: str) -> None:
    async with connect(server.ws + query) as viewer:
        hello = json.loads(await viewer.recv())
    assert hello["type"] == "hello" and "resumed" not in hello


async def test_the_documented_client_in_plain_python(server: Serving) -> None:
    def watch() -> list[dict[str, Any]]:
        viewer, found = PlainViewer("127.0.0.1", server.port), []
        until = time.monotonic() + 3
        for message in viewer.messages():
            found.append(message)
            if time.monotonic() > until:
                break
        viewer.socket.close()
        return found

    hello, *rest = await asyncio.to_thread(watch)
    frames = [message for message in rest if message["type"] == "frame"]
    assert hello["type"] == "hello" and hello["protocol"] == 1
    assert [frame["seq"] for frame in frames] == list(range(frames[0]["seq"], frames[0]["seq"] + len(frames)))
    assert len(frames) > 50


def frames_of(viewer: PlainViewer, count: int) -> tuple[list[int], int]:
    """The numbers of the next frames, and how many were told as missed."""
    seqs, told = list[int](), 0
    for message in viewer.messages():
        told += message["frames"] if message["type"] == "missed" else 0
        seqs += [message["seq"]] if message["type"] == "frame" else []
        if len(seqs) >= count:
            break
    return seqs, told


def test_the_documented_client_without_acks_lives_by_its_pongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.viewer._PING_NS", 10**9)
    with Serving(eviction_seconds=2.0) as server:
        viewer = PlainViewer("127.0.0.1", server.port, ack_every=0)
        seqs, told = frames_of(viewer, 100)  # five seconds
        assert told == 0 and seqs == list(range(seqs[0], seqs[0] + 100))
        assert server.stage.hub.counters.evicted == 0
        viewer._send = lambda first, payload: None  # pongs no more
        frames_of(viewer, 10_000)
        assert viewer.close_code == 4408 and server.stage.hub.counters.evicted == 1
        viewer.socket.close()


def test_the_documented_client_has_credit_and_hears_what_it_missed() -> None:
    with Serving(credit=12) as server:
        viewer = PlainViewer("127.0.0.1", server.port)
        before, _ = frames_of(viewer, 30)
        seen = before[-1]
        time.sleep(2)  # forty frames, of which twelve at most are on their way
        after, told = frames_of(viewer, 60)
        assert told >= 20 and after[-1] == seen + len(after) + told, "what did not come was told"
        viewer.socket.close()


def test_the_documented_client_hears_why_it_ends() -> None:
    with Serving(viewers=1) as server:
        one, other = PlainViewer("127.0.0.1", server.port), PlainViewer("127.0.0.1", server.port)
        assert not list(other.messages()) and other.close_code == 4429
        frames_of(one, 1)
        one._send(0x81, b"hello?")
        frames_of(one, 10_000)
        assert one.close_code == 4400
        one.socket.close(), other.socket.close()
        deadline = time.monotonic() + 15
        while server.stage.hub.viewers:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        last = PlainViewer("127.0.0.1", server.port)
        frames_of(last, 1)
    frames_of(last, 10_000)
    assert last.close_code == 1001
    last.socket.close()


# -- server-sent events


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str | None, dict[str, Any]]]:
    number = None
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("id: "):
            number = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield number, json.loads(line.removeprefix("data: "))
            number = None


async def listened(server: Serving, count: int, **headers: str) -> list[tuple[str | None, dict[str, Any]]]:
    found = []
    async with aiohttp.ClientSession() as client, client.get(f"{server.url}/events", headers=headers) as response:
        assert response.status == 200 and response.headers["content-type"].startswith("text/event-stream")
        async for event in events(response):
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_events_are_the_same_messages_and_go_on_by_their_number(server: Serving) -> None:
    await settle(lambda: server.stage.scene.state == "racing")
    first = await listened(server, 20)
    assert first[0][1]["type"] == "hello" and first[0][0] is None
    numbered = [(number, message) for number, message in first if message["type"] == "frame"]
    assert all(number == str(message["seq"]) for number, message in numbered)
    last = numbered[-1][1]["seq"]
    await asyncio.sleep(1)
    hello, *rest = await listened(server, 40, **{"Last-Event-ID": str(last)})
    assert hello[1]["resumed"] is True
    assert [message["seq"] for _, message in rest] == list(range(last + 1, last + 40))
    await settle(lambda: server.stage.hub.viewers == 0)


@pytest.mark.parametrize("bytes_a_second", [15_000, 30_000])
def test_events_stay_new_for_a_slow_reader_who_hears_what_it_missed(bytes_a_second: int) -> None:
    with Serving() as server, socket.socket() as reader:
        payload = server.stage.scene.payload
        server.stage.scene.payload = lambda now_ns: {**payload(now_ns), "weight": "x" * 2500}
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", server.port))
        reader.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        read, seqs, missed, oldest_ns, begun = b"", list[int](), 0, 0, time.monotonic()
        while (seconds := time.monotonic() - begun) < 8:
            read += reader.recv(bytes_a_second // 20)
            *events, read = read.split(b"\n\n")
            for message in (json.loads(event[event.index(b"data: ") + 6 :]) for event in events if b"data: {" in event):
                missed += message.get("frames", 0)
                if message["type"] == "frame":
                    seqs.append(message["seq"])
                    oldest_ns = max(oldest_ns, time.monotonic_ns() - message["t_ns"]) if seconds > 2 else 0
            time.sleep(0.05)
    assert missed > 20 and seqs[-1] - seqs[0] + 1 <= len(seqs) + missed
    assert oldest_ns < 3e9


async def test_events_for_a_full_house_and_another_origin() -> None:
    with Serving(viewers=1) as server:
        async with connect(server.ws) as viewer, aiohttp.ClientSession() as client:
            await viewer.recv()
            async with client.get(f"{server.url}/events") as full:
                assert full.status == 503 and full.headers["retry-after"] == "60"
            async with client.head(f"{server.url}/events") as told:
                assert told.status == 503 and told.headers["retry-after"] == "60"
            async with client.get(f"{server.url}/events", headers={"Origin": "https://evil.example"}) as evil:
                assert evil.status == 403
        await settle(lambda: server.stage.hub.viewers == 0)
        async with aiohttp.ClientSession() as client, client.head(f"{server.url}/events") as free:
            assert free.status == 200 and server.stage.hub.viewers == 0


async def test_events_end_when_the_server_goes() -> None:
    with Serving() as server:
        async with aiohttp.ClientSession() as client, client.get(f"{server.url}/events") as response:
            incoming = events(response)
            await anext(incoming)
            server.server.should_exit = True
            begun = time.monotonic()
            async for _ in incoming:
                pass
            assert time.monotonic() - begun < 5


async def test_a_listener_that_never_reads_is_evicted_and_its_connection_dropped() -> None:
    with Serving(frame_rate=60.0, eviction_seconds=1.0) as server:
        working = server.stage.scene.payload
        server.stage.scene.payload = lambda now: {**working(now), "weight": "x" * 20_000}
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        try:
            await settle(lambda: server.stage.hub.viewers == 1)
            reader._transport.pause_reading()
            await settle(lambda: server.stage.hub.counters.evicted == 1)
            await settle(lambda: not server.server.server_state.connections)
        finally:
            writer.transport.abort()


# -- looking back


async def test_any_part_of_the_run_can_be_asked_for(server: Serving) -> None:
    await settle(lambda: (server.stage.scene.clock.now(time.monotonic_ns()) or 0) > 3e9)
    async with aiohttp.ClientSession() as client:
        async with client.get(f"{server.url}/api/run/pages?from=0&to=2000000000&points=10") as answer:
            part = await answer.json()
        async with client.get(f"{server.url}/api/run/pages") as answer:
            whole = await answer.json()
        for odd in ("from=-1", "points=0", "points=99999", "from=5&to=1", "to=x", "from=" + "9" * 40):
            async with client.get(f"{server.url}/api/run/pages?{odd}") as refused:
                assert refused.status == 400 and (await refused.json())["error"]
    assert part["run"] == server.stage.hub.run_id
    assert 5 <= len(part["t_ns"]) <= 20 and part["t_ns"] == sorted(part["t_ns"]) and part["t_ns"][-1] <= 2e9
    assert set(part["arm"]) >= {"A", "B"} and all(watts == 100.0 for watts in part["mean"])
    assert len(whole["t_ns"]) > 40 and whole["t_ns"][-1] > 2.5e9


async def test_before_any_run_there_is_nothing_to_look_back_at() -> None:
    with Serving() as server:
        async with aiohttp.ClientSession() as client, client.get(f"{server.url}/api/run/pages") as answer:
            nothing = await answer.json()
    assert nothing["run"] is None and nothing["t_ns"] == []


async def test_a_request_without_an_end_is_cut_off(server: Serving) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: ")
    with suppress(ConnectionError):
        for _ in range(40):
            writer.write(b"x" * 4096)
            await writer.drain()
            await asyncio.sleep(0.005)
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    async with aiohttp.ClientSession() as client, client.get(f"{server.url}/healthz") as answer:
        assert answer.status == 200
