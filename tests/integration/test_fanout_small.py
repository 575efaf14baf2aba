"""Small versions of what bench/fanout does at full size: stalls, slowness, visits; and another ASGI server."""

import asyncio
import gc
import json
import socket
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from serving import DEMO, TOKEN, Serving, fake_race, settle, silent_viewer
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from server.app import Stage
from server.settings import Settings

pytestmark = pytest.mark.alone


@pytest.fixture
def server() -> Iterator[Serving]:
    with Serving() as serving:
        yield serving


async def message(viewer: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await asyncio.wait_for(viewer.recv(), 20))
    return found


async def frames(viewer: ClientConnection, count: int) -> list[int]:
    """The numbers of the next frames; acknowledges every tenth."""
    seqs: list[int] = []
    while len(seqs) < count:
        said = await message(viewer)
        assert said["type"] != "missed"
        if said["type"] == "frame":
            seqs.append(said["seq"])
            if len(seqs) % 10 == 0:
                await viewer.send(json.dumps({"ack": seqs[-1]}))
    return seqs


def without_gap(seqs: list[int]) -> bool:
    return seqs == list(range(seqs[0], seqs[0] + len(seqs)))


async def closed(viewer: ClientConnection) -> int | None:
    try:
        while True:
            await message(viewer)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None


# -- stalls


async def test_five_that_never_read_cost_thirty_others_nothing_and_are_evicted() -> None:
    with Serving(frame_rate=60.0, eviction_seconds=2.0) as server:
        silent = [silent_viewer(server.port) for _ in range(5)]
        async with AsyncExitStack() as stack:
            await settle(lambda: server.stage.hub.viewers == 5)
            viewers = [await stack.enter_async_context(connect(server.ws)) for _ in range(30)]
            watched = [asyncio.create_task(frames(viewer, 400)) for viewer in viewers]
            await settle(lambda: server.stage.hub.counters.evicted == 5, 40)
            assert all(without_gap(seqs) for seqs in await asyncio.gather(*watched))
            assert server.stage.hub.viewers == 30 and server.stage.hub.counters.evicted == 5
        for each in silent:
            each.close()
        await settle(lambda: not server.server.server_state.connections)


async def test_who_does_not_read_is_found_by_its_silence_however_much_its_system_keeps(server: Serving) -> None:
    """A peer's system may take megabytes for somebody who reads nothing: a ping that is not answered tells."""
    hub = server.stage.hub
    async with connect(server.ws) as deaf, connect(server.ws) as reader:
        await settle(lambda: hub.viewers == 2)
        deaf.transport.pause_reading()
        listening = asyncio.create_task(frames(reader, 380))
        await settle(lambda: hub.counters.evicted == 1, 30)
        assert without_gap(await listening) and hub.viewers == 1
        deaf.transport.abort()


async def test_what_a_slow_reader_sees_is_not_old(server: Serving) -> None:
    """At a third of the rate a queue would be five seconds long by the end; 1.5 s are promised, the rest is noise."""
    hub = server.stage.hub
    async with connect(server.ws) as viewer:
        hello = await message(viewer)
        await viewer.send(json.dumps({"ack": hello["seq"]}))
        seen, read, told, oldest_ns = hello["seq"], 0, 0, 0
        while read < 50:
            said = await message(viewer)
            if said["type"] == "missed":
                told += said["frames"]
                continue
            assert said["seq"] == seen + 1 + told, "a frame that is neither here nor told"
            seen, told, read = said["seq"], 0, read + 1
            oldest_ns = max(oldest_ns, time.monotonic_ns() - said["t_ns"])
            if read % 10 == 0:
                await viewer.send(json.dumps({"ack": seen}))
            await asyncio.sleep(0.15)
        assert hub.stats()["dropped"] > 0
        assert oldest_ns < 2.5e9


async def test_a_crowd_gets_two_frames_at_a_time_and_the_stage_each_at_once() -> None:
    pieces: dict[str, int] = {}

    async def watched(viewer: ClientConnection, name: str) -> list[int]:
        hand_on = viewer.protocol.receive_data

        def counted(data: bytes) -> None:
            pieces[name] = pieces.get(name, 0) + 1
            hand_on(data)

        viewer.protocol.receive_data = counted  # type: ignore[method-assign]  # to count what comes
        return await frames(viewer, 120)

    with Serving(crowd=3) as server:
        async with AsyncExitStack() as stack:
            names = ["stage", "phone 1", "phone 2", "phone 3"]
            queries = ["?prompt=1", "", "", ""]
            viewers = [await stack.enter_async_context(connect(server.ws + query)) for query in queries]
            await settle(lambda: len(server.stage.hub._flow) == len(viewers))
            seen = await asyncio.gather(*(watched(*each) for each in zip(viewers, names, strict=True)))
    assert all(without_gap(seqs) for seqs in seen)
    assert pieces["stage"] >= 100, pieces  # a moment that the machine takes for itself joins some
    assert all(45 <= pieces[phone] <= 75 for phone in names[1:]), pieces


async def test_nothing_is_left_of_two_hundred_visits(server: Serving) -> None:
    seen: set[weakref.ref[Any]] = set()

    async def visit(number: int) -> None:
        async with connect(server.ws) as viewer:
            await message(viewer)
            seen.update(weakref.ref(each) for each in tuple(server.server.server_state.connections))
            await frames(viewer, 1 + number % 3)
            if number % 3 == 0:
                viewer.transport.abort()

    async with connect(server.ws) as witness:
        watching = asyncio.create_task(frames(witness, 120))
        await visit(0)
        await settle(lambda: server.stage.hub.viewers == 1)
        files = len(list(Path("/proc/self/fd").iterdir()))
        for begin in range(0, 200, 40):
            await asyncio.gather(*(visit(number) for number in range(begin, begin + 40)))
        assert without_gap(await watching)
        await settle(lambda: server.stage.hub.viewers == 1)
        await settle(lambda: len(list(Path("/proc/self/fd").iterdir())) <= files)
    await settle(lambda: not server.server.server_state.connections and not server.server.server_state.tasks)
    assert server.stage.hub.viewers == 0 and not server.stage.hub._flow.others and not server.stage.hub._flow
    assert len(seen) > 100
    # Nothing refers to a connection any more: no timer, no task, no credit that is still to be looked at.
    await settle(lambda: gc.collect() >= 0 and sum(each() is not None for each in seen) == 0)


FLOODS = {
    "pings": b"\x89\x80mask" * 160_000,
    "pongs": b"\x8a\x80mask" * 160_000,
    "empty parts of a message": b"\x01\x80mask" + b"\x00\x80mask" * 160_000,
}


@pytest.mark.parametrize("query", ["", "?mode=record"], ids=["viewer", "recorder"])
@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_ends_any_connection_and_is_read_no_further(server: Serving, flood: str, query: str) -> None:
    async with connect(server.ws + query) as rude, connect(server.ws) as viewer:
        await message(viewer)
        if not query:
            await message(rude)
        busy = time.thread_time
        ran = await on(server, busy)
        rude.transport.write(FLOODS[flood])
        code, seqs = await asyncio.gather(closed(rude), frames(viewer, 40))
        assert code == 4420 and without_gap(seqs)
        ran = await on(server, busy) - ran
    assert ran < 0.2, "all of it was read"


async def on(server: Serving, what: Callable[[], float]) -> float:
    """What the server's own thread says."""

    async def ask() -> float:
        return what()

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(ask(), server.loop))


async def test_parts_of_a_message_that_are_empty_are_not_kept(server: Serving) -> None:
    async with connect(server.ws) as viewer:
        await message(viewer)
        viewer.transport.write(b"\x01\x80mask" + b"\x00\x80mask" * 100)
        await asyncio.wait_for(await viewer.ping(), 10)
        (protocol,) = server.server.server_state.connections
        assert len(protocol.frames) == 1


# -- another ASGI server


class Elsewhere:
    """The application under hypercorn: no wire, no abort."""

    def __init__(self, stage: Stage, port: int) -> None:
        self.stage, self.port = stage, port
        self.ws, self.url = f"ws://127.0.0.1:{port}/ws", f"http://127.0.0.1:{port}"


@asynccontextmanager
async def hypercorn(**settings: Any) -> AsyncIterator[Elsewhere]:
    stage = Stage(replace(Settings(port=0, token=TOKEN), **settings), fake_race("race"), demo=DEMO, autostart=True)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config, over = Config(), asyncio.Event()
    config.bind, config.graceful_timeout, config.accesslog = [f"fd://{listener.fileno()}"], 1, None
    serving = asyncio.create_task(serve(stage.app, config, shutdown_trigger=over.wait))
    try:
        # Until the race is told to everybody: who joins before that gets a second hello, which takes no credit.
        await settle(lambda: stage.scene.state == "racing" and stage.hub._edition == stage.scene.edition)
        yield Elsewhere(stage, port)
    finally:
        await stage.leave()
        over.set()
        await serving
        listener.detach()


async def test_elsewhere_frames_come_without_a_gap_and_rubbish_has_its_code() -> None:
    async with hypercorn() as server, connect(server.ws) as viewer, connect(server.ws) as rude:
        hello = await message(viewer)
        assert hello["type"] == "hello" and hello["protocol"] == 1
        await rude.send("hello?")
        assert await closed(rude) == 4400
        seqs = await frames(viewer, 60)
        assert without_gap([hello["seq"], *seqs])
    assert server.stage.hub.viewers == 0


async def test_elsewhere_every_refusal_has_the_same_code() -> None:
    async with hypercorn(viewers=1) as server:
        async with connect(server.ws, additional_headers={"Origin": "https://evil.example"}) as evil:
            assert await closed(evil) == 4403
        async with connect(server.ws) as large, connect(server.ws) as more:
            await message(large)
            assert await closed(more) == 4429
            await large.send("x" * 1025)
            assert await closed(large) == 4413
        await settle(lambda: server.stage.hub.viewers == 0)
        async with connect(server.ws) as flood:
            hello = await message(flood)
            for _ in range(1000):
                await flood.send(json.dumps({"ack": hello["seq"]}))
            assert await closed(flood) == 4420


async def test_elsewhere_what_is_not_recorded_has_the_same_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_RACE_DATA", str(tmp_path))
    async with hypercorn(data=tmp_path) as server:
        for query, code in (("&run=nobody", 4404), ("&from=1", 4416)):
            async with connect(f"{server.ws}?mode=record{query}") as recorder:
                assert await closed(recorder) == code


async def test_elsewhere_going_away_is_told() -> None:
    async with hypercorn() as server:
        viewer = await connect(server.ws)
        await message(viewer)
    assert await closed(viewer) == 1001


async def test_elsewhere_credit_and_eviction_are_the_same() -> None:
    async with hypercorn(credit=4, eviction_seconds=1.5) as server, connect(server.ws) as viewer:
        hello = await message(viewer)
        await viewer.send(json.dumps({"ack": hello["seq"]}))
        await asyncio.sleep(1)
        found = [await message(viewer) for _ in range(4)]
        await viewer.send(json.dumps({"ack": found[-1]["seq"]}))
        missed, newest = await message(viewer), await message(viewer)
        assert missed["type"] == "missed" and newest["seq"] == found[-1]["seq"] + missed["frames"] + 1
        assert await closed(viewer) == 4408


async def test_elsewhere_a_viewer_comes_back_to_what_it_missed_by_socket_and_by_events() -> None:
    async with hypercorn() as server:
        async with connect(server.ws) as viewer:
            while (last := await message(viewer))["type"] != "frame":
                pass
        await asyncio.sleep(1)
        async with connect(f"{server.ws}?run={last['run']}&since={last['seq']}") as viewer:
            assert (await message(viewer))["resumed"] is True
            assert await frames(viewer, 30) == list(range(last["seq"] + 1, last["seq"] + 31))
        headers = {"Last-Event-ID": str(last["seq"])}
        async with aiohttp.ClientSession() as client, client.get(f"{server.url}/events", headers=headers) as response:
            lines = [(await response.content.readline()).decode() for _ in range(14)]
        datas = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        assert datas[0]["resumed"] is True and datas[1]["seq"] == last["seq"] + 1
        await settle(lambda: server.stage.hub.viewers == 0)


async def test_elsewhere_a_recording_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_RACE_DATA", str(tmp_path))
    async with hypercorn(data=tmp_path) as server:
        path = tmp_path / "recordings" / f"{server.stage.hub.run_id}.jsonl"
        async with connect(f"{server.ws}?mode=record", max_size=None) as recorder:
            head = json.loads(await recorder.recv())
            await asyncio.sleep(0.5)
            await server.stage.controller.stop()
            lines = []
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    lines.append(str(await asyncio.wait_for(recorder.recv(), 20)))
        assert head["type"] == "recording" and caught.value.rcvd is not None and caught.value.rcvd.code == 1000
        assert "".join(f"{line}\n" for line in lines).encode() == path.read_bytes()
