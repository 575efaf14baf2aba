"""When a recording is known to be over: by its stop, or by quiet and nobody who could write."""

import os
from pathlib import Path

import pytest

from engine.documents import Stop, encode
from server import writing
from server.writing import Writing

STOP = encode(Stop(t_ns=1, exit_status="success"))
PAGE = b'{"type":"page","stream":"gpu0","t_ns":[1],"data":{"power_instant_watts":[1.0]}}\n'


@pytest.mark.parametrize(
    ("content", "over"),
    [
        (PAGE + STOP, True), (STOP, True), (PAGE + PAGE, False), (PAGE + STOP[:-1], False), (STOP + PAGE, False),
        (STOP + PAGE[:9], False), (b"", False), (b"\n", False), (b"rubbish\n", False),
        (b"x" * 300_000 + b"\n" + STOP, True),
    ],
)  # fmt: skip
async def test_a_stop_at_its_end_ends_it_at_once(tmp_path: Path, content: bytes, over: bool) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)
    with path.open("rb") as file:
        watched = Writing(file)
        assert await watched.over() is over
        assert await watched.over() is over


async def test_without_a_stop_it_is_over_when_it_is_quiet_and_nobody_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(writing.time, "monotonic", lambda: now)
    path = tmp_path / "run.jsonl"
    path.write_bytes(PAGE)
    with path.open("rb") as file:
        watched = Writing(file)
        with path.open("ab", buffering=0):
            assert not await watched.over()
            now += writing.QUIET_SECONDS
            assert not await watched.over(), "somebody has it open to write"
        now += writing.QUIET_SECONDS - 1
        with path.open("ab") as late:
            late.write(PAGE)
        assert not await watched.over(), "it has grown"
        now += writing.QUIET_SECONDS - 1
        assert not await watched.over(), "it is not quiet for long enough"
        now += 1
        reader = os.open(path, os.O_RDONLY)
        assert await watched.over()
        os.close(reader)
