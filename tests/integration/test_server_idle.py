"""Connections that say nothing, or never come to the end of it, are found; those that only listen are left alone."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from serving import BEARER, Serving, settle
from websockets.asyncio.client import connect

PATIENCE_SECONDS = 0.5
HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setattr("server.plainpath._HEAD_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr("server.bodies._BODY_SECONDS", PATIENCE_SECONDS)
    with Serving() as serving:
        yield serving


async def answered(reader: asyncio.StreamReader) -> bytes:
    """One answer, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head + await reader.readexactly(int(size.partition(b":")[2]))


async def cut(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await asyncio.wait_for(reader.read(65536), 10):
            pass


async def test_who_says_nothing_is_cut_off(server: Serving) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await settle(lambda: len(server.server.server_state.connections) == 1)
    await cut(reader)
    await settle(lambda: not server.server.server_state.connections)
    writer.close()


@pytest.mark.parametrize("first", [b"", HEAD + b"\r\n"], ids=["first request", "second request"])
@pytest.mark.parametrize("drop", [b"x", b"\r\n"], ids=["a head without an end", "empty lines"])
async def test_a_head_that_trickles_is_cut_off(server: Serving, first: bytes, drop: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(first)
    if first:
        assert b" 200 " in await answered(reader)
    writer.write(drop if drop == b"\r\n" else HEAD + b"X: ")

    async def trickle() -> None:
        with suppress(ConnectionError):
            while True:
                await asyncio.sleep(PATIENCE_SECONDS / 5)
                writer.write(drop)
                await writer.drain()

    trickling = asyncio.create_task(trickle())
    await cut(reader)
    trickling.cancel()
    await settle(lambda: not server.server.server_state.connections)
    writer.close()


async def test_a_body_that_never_comes_is_refused(server: Serving) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    ask = f"POST /api/replay HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {BEARER['Authorization']}\r\n"
    writer.write(f'{ask}Content-Length: 100\r\n\r\n{{"speed"'.encode())
    said = await asyncio.wait_for(answered(reader), 10)
    assert b" 400 " in said and b"the body has not come within" in said
    writer.close()


async def test_who_listens_is_left_alone(server: Serving) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    async with connect(server.ws) as viewer:
        await viewer.recv()
        await settle(lambda: server.stage.hub.viewers == 2)
        await asyncio.sleep(3 * PATIENCE_SECONDS)
        assert server.stage.hub.viewers == 2
    assert b" 200 " in await reader.readline()
    writer.close()
