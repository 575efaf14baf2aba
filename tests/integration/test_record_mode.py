"""`/ws?mode=record` and `wattrace record`: every document, byte for byte, through cuts and restarts."""

import asyncio
import errno
import io
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from serving import BEARER, Serving, settle, silent_viewer
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from engine.documents import Stop, encode
from engine.errors import RecordingError, ServerError
from server.remote import RemoteRecording

pytestmark = pytest.mark.alone


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setenv("FAKE_RACE_DATA", str(tmp_path))
    with Serving(autostart=True, data=tmp_path) as serving:
        yield serving


async def racing(server: Serving) -> Path:
    """The file that the run on stage is recorded to."""
    await settle(lambda: server.stage.scene.state == "racing")
    return server.stage.shelf.folder / "recordings" / f"{server.stage.hub.run_id}.jsonl"


async def stop(server: Serving) -> None:
    async with aiohttp.ClientSession(headers=BEARER) as client, client.post(f"{server.url}/api/run/stop") as answer:
        assert answer.status == 202


async def copied(server: Serving, query: str = "") -> tuple[list[str], int]:
    lines = []
    async with connect(f"{server.ws}?mode=record{query}", max_size=None) as socket:
        try:
            while True:
                lines.append(str(await socket.recv()))
        except ConnectionClosed as end:
            assert end.rcvd is not None
            return lines, end.rcvd.code


async def test_a_recorder_gets_every_line_live_and_is_told_that_it_is_complete(server: Serving) -> None:
    path = await racing(server)
    copying = asyncio.create_task(copied(server))
    await asyncio.sleep(2)
    assert not copying.done()
    await stop(server)
    (head, *lines), code = await copying
    assert code == 1000
    assert json.loads(head)["type"] == "recording" and json.loads(head)["run"] == path.stem
    assert "".join(f"{line}\n" for line in lines).encode() == path.read_bytes()
    assert json.loads(lines[-1])["type"] == "stop"


async def test_from_any_line_and_of_a_run_that_is_over(server: Serving) -> None:
    path = await racing(server)
    await stop(server)
    await settle(lambda: server.stage.scene.state == "aborted")
    whole = path.read_bytes()
    position = whole.index(b"\n", len(whole) // 2) + 1
    (_, *lines), code = await copied(server, f"&run={path.stem}&from={position}")
    assert code == 1000 and "".join(f"{line}\n" for line in lines).encode() == whole[position:]
    _, code = await copied(server, f"&run={path.stem}&from={len(whole)}")
    assert code == 1000


@pytest.mark.parametrize("ends", [True, False], ids=["its stop comes", "its writer is killed"])
async def test_a_run_of_an_earlier_server_is_followed_on_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    monkeypatch.setattr("server.writing.QUIET_SECONDS", 0.5)
    (tmp_path / "recordings").mkdir()
    (tmp_path / "handed-out.txt").write_text("old\n")
    path = tmp_path / "recordings" / "old.jsonl"
    page = b'{"type":"page","stream":"gpu0","t_ns":[1],"data":{"power_instant_watts":[1.0]}}\n'
    with Serving(data=tmp_path) as server:
        with path.open("wb", buffering=0) as file:
            file.write(page)
            copying = asyncio.create_task(copied(server, "&run=old"))
            await asyncio.sleep(2)  # quiet, but somebody holds it
            file.write(page)
            await asyncio.sleep(1)
            assert not copying.done()
            if ends:
                file.write(encode(Stop(t_ns=2, exit_status="success")))
                (_, *lines), code = await asyncio.wait_for(copying, 10)
        if not ends:
            (_, *lines), code = await asyncio.wait_for(copying, 10)
    assert code == 1000 and "".join(f"{line}\n" for line in lines).encode() == path.read_bytes()


async def test_a_run_that_was_never_on_stage_is_the_presenters_alone(server: Serving) -> None:
    path = await racing(server)
    private = path.with_name("private.jsonl")
    private.write_bytes(b'{"type":"start"}\n')
    assert (await copied(server, "&run=private"))[1] == 4404
    async with connect(f"{server.ws}?mode=record&run=private", additional_headers=BEARER) as trusted:
        assert json.loads(await trusted.recv())["run"] == "private"
        assert await trusted.recv() == '{"type":"start"}'


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("&run=nobody", 4404), ("&run=../../etc/passwd", 4404), ("&run=%2e%2e", 4404), ("&from=-1", 4416),
        ("&from=1", 4416), ("&from=999999999", 4416), ("&from=" + "9" * 40, 4416), ("&from=x", 4416),
    ],
)  # fmt: skip
async def test_what_is_not_there_has_its_own_code(server: Serving, query: str, code: int) -> None:
    await racing(server)
    assert (await copied(server, query))[1] == code


async def test_recorders_are_only_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_RACE_DATA", str(tmp_path))
    with Serving(autostart=True, data=tmp_path, recorders=1) as server:
        await racing(server)
        async with connect(f"{server.ws}?mode=record", max_size=None) as first:
            await first.recv()
            assert (await copied(server))[1] == 4429
        await settle(lambda: server.stage.copying.recorders == 0)
        async with connect(f"{server.ws}?mode=record", max_size=None) as second:
            assert json.loads(await second.recv())["type"] == "recording"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"ack":1}', 4400),
        (b"x", 4400),
        ("x" * 1024, 4400),
        ("x" * 1025, 4413),
        (b"x" * 4096, 4413),
        ("x" * 4097, 4413),
    ],
)
async def test_a_recorder_says_nothing(server: Serving, said: str | bytes, code: int) -> None:
    await racing(server)
    async with connect(f"{server.ws}?mode=record") as socket:
        await socket.send(said)
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                await socket.recv()
    assert caught.value.rcvd is not None and caught.value.rcvd.code == code


async def test_a_slow_recorder_costs_the_hub_nothing_and_loses_nothing(server: Serving) -> None:
    path = await racing(server)
    async with connect(f"{server.ws}?mode=record", max_size=None) as slow, connect(server.ws) as viewer:
        await slow.recv()
        slow.transport.pause_reading()
        told = [json.loads(await viewer.recv()) for _ in range(60)]
        seqs = [message["seq"] for message in told if message["type"] == "frame"]  # a hello may come again between them
        assert len(seqs) > 50 and seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert server.stage.hub.viewers == 1
        slow.transport.resume_reading()
        await stop(server)
        lines = []
        with pytest.raises(ConnectionClosed):
            while True:
                lines.append(str(await slow.recv()))
    assert "".join(f"{line}\n" for line in lines).encode() == path.read_bytes()


def test_a_recorder_that_reads_little_at_a_time_keeps_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.connection._USER_TIMEOUT_MS", 500)
    (tmp_path / "recordings").mkdir()
    (tmp_path / "handed-out.txt").write_text("old\n")
    (tmp_path / "recordings" / "old.jsonl").write_bytes(b"x" * 999_999 + b"\n")
    with Serving(data=tmp_path) as server, silent_viewer(server.port, "?mode=record&run=old") as reader:
        for _ in range(50):
            assert reader.recv(400)
            time.sleep(0.1)


# -- the client


def client(server: Serving, out: Path, *, said: list[str], go_on: bool = False) -> RemoteRecording:
    return RemoteRecording(f"127.0.0.1:{server.port}", out, go_on=go_on, say=said.append)


async def test_the_copy_is_the_servers_file_through_cut_connections(server: Serving, tmp_path: Path) -> None:
    path, out, said = await racing(server), tmp_path / "copy.jsonl", list[str]()
    copying = asyncio.create_task(client(server, out, said=said).copy())
    for _ in range(3):
        await asyncio.sleep(0.7)
        for connection in list(server.server.server_state.connections):
            server.loop.call_soon_threadsafe(connection.transport.abort)
    await asyncio.sleep(1)
    await stop(server)
    await asyncio.wait_for(copying, 20)
    assert out.read_bytes() == path.read_bytes()
    assert sum("again in" in line for line in said) >= 3


async def test_the_copy_goes_on_after_the_server_has_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_RACE_DATA", str(tmp_path))
    out, said = tmp_path / "copy.jsonl", list[str]()
    with Serving(autostart=True, data=tmp_path) as first:
        path = await racing(first)
        copying = asyncio.create_task(client(first, out, said=said).copy())
        await settle(lambda: out.exists() and out.stat().st_size > 2000)
        port = first.port
        first.loop.call_soon_threadsafe(first.stage.copying._closing.set)
        await settle(lambda: any("again in" in line for line in said))  # it goes away before the race has ended
    with Serving(port=port, data=tmp_path):
        await asyncio.wait_for(copying, 30)
    assert out.read_bytes() == path.read_bytes() and b'"type":"stop"' in out.read_bytes()


async def test_a_copy_that_was_cut_off_can_be_gone_on_with(server: Serving, tmp_path: Path) -> None:
    path, out = await racing(server), tmp_path / "copy.jsonl"
    await asyncio.sleep(1)
    await stop(server)
    await settle(lambda: server.stage.scene.state == "aborted")
    out.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RecordingError, match="--continue"):
        await client(server, out, said=[]).copy()
    await client(server, out, said=[], go_on=True).copy()
    assert out.read_bytes() == path.read_bytes()


async def test_what_cannot_be_had_is_one_error(server: Serving, tmp_path: Path) -> None:
    await racing(server)
    wrong = RemoteRecording(server.url, tmp_path / "a", run="nobody", say=lambda line: None)
    with pytest.raises(ServerError, match="no recording of that run"):
        await wrong.copy()
    with pytest.raises(ServerError, match="is no address"):
        RemoteRecording("ftp://x", tmp_path / "b", say=lambda line: None)
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"rubbish\n")
    with pytest.raises(RecordingError, match="no recording to go on with"):
        await client(server, rubbish, said=[], go_on=True).copy()


async def test_a_full_server_is_left_alone_for_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_RACE_DATA", str(tmp_path))
    with Serving(autostart=True, data=tmp_path, recorders=1) as server:
        await racing(server)
        async with connect(f"{server.ws}?mode=record", max_size=None) as first:
            await first.recv()
            said = list[str]()
            copying = asyncio.create_task(client(server, tmp_path / "copy.jsonl", said=said).copy())
            await settle(lambda: bool(said))
            copying.cancel()
    told = re.fullmatch(r"as many viewers as the server takes; again in (\d+) s .*", said[0])
    assert told and int(told[1]) >= 60


async def test_a_full_disk_is_one_error_and_no_lost_connection(server: Serving, tmp_path: Path) -> None:
    class FullDisk(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    await racing(server)
    recording = client(server, tmp_path / "copy.jsonl", said=[])
    with pytest.raises(RecordingError, match="No space left"):
        await asyncio.wait_for(recording._connect_once(FullDisk()), 30)
