"""Following a recording while it is written."""

import asyncio
from pathlib import Path

import pytest
from recordings import recorded
from story import SECOND, story

import engine.recording
from engine.documents import Document, Stop
from engine.errors import RecordingError
from engine.recording import Recorder, pack


async def test_every_document_comes_as_it_is_written_and_tables_grow(tmp_path: Path) -> None:
    told, got = story(), list[Document]()
    path = tmp_path / "race.jsonl"
    with Recorder(path) as recorder:
        recorder(told[0])
        recording = engine.recording.open(path)
        rows = []

        async def follow() -> None:
            async for document in recording:
                got.append(document)

        following = asyncio.create_task(follow())
        for begin in range(1, len(told), 200):
            for document in told[begin : begin + 200]:
                recorder(document)
            while len(got) < min(begin + 200, len(told)):
                await asyncio.sleep(0.01)
            rows.append(len(recording.samples("power_instant_watts", from_ns=0, to_ns=99 * SECOND)))
        await following
    assert got == told and isinstance(got[-1], Stop)
    assert rows == sorted(rows) and rows[0] < rows[-1] == 1740


async def test_half_a_line_is_waited_for(tmp_path: Path) -> None:
    whole = recorded(tmp_path / "whole.jsonl").read_bytes()
    path = tmp_path / "grows.jsonl"
    cut = len(whole) - 100
    path.write_bytes(whole[:cut])
    following = asyncio.create_task(_all(path))
    await asyncio.sleep(0.3)
    assert not following.done()
    with path.open("ab") as file:
        file.write(whole[cut:])
    assert await following == list(engine.recording.open(path).documents())


async def _all(path: Path) -> list[Document]:
    return [document async for document in engine.recording.open(path)]


async def test_a_writer_that_was_killed_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_bytes(recorded(tmp_path / "whole.jsonl").read_bytes()[:50_000])
    recording = engine.recording.open(path)
    got = [document async for document in recording.follow(quiet_seconds=0.2)]
    assert got == list(recording.documents())


async def test_a_packed_one_is_followed_to_its_end(tmp_path: Path) -> None:
    path = recorded(tmp_path / "race.jsonl")
    assert await _all(pack(path)) == await _all(path)


async def test_what_is_no_address_and_who_does_not_answer(unused_tcp_port: int) -> None:
    with pytest.raises(RecordingError, match="is no address"):
        engine.recording.open("ftp://somewhere/")
    nobody = engine.recording.open(f"http://127.0.0.1:{unused_tcp_port}/")
    with pytest.raises(RecordingError, match="cannot be reached"):
        await anext(aiter(nobody))
