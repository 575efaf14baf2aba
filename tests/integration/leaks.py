"""What a series of starts and stops leaves behind: processes, zombies, ports, files, tasks. Nothing should be."""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.arms.server import Launch, ServerArm
from integration.processes import MARK, living, marked_environment, open_files

_LISTENING = "0A"


def listening() -> dict[int, str]:
    """Every TCP port on which somebody listens on this machine, and the socket that does."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            rows = [line.split() for line in Path(table).read_text(encoding="ascii").splitlines()[1:]]
            found |= {int(row[1].rpartition(":")[2], 16): f"socket:[{row[9]}]" for row in rows if row[3] == _LISTENING}
    return found


def held(sockets: set[str]) -> set[str]:
    """Those that a process of ours has open: the tests of a neighbour may have been dealt a port that was ours."""
    ours = [os.getpid(), *living(os.environ[MARK])]
    files = [entry for pid in ours for entry in Path(f"/proc/{pid}/fd").iterdir()]
    found = set()
    for entry in files:
        with contextlib.suppress(FileNotFoundError):
            found.add(str(entry.readlink()))
    return found & sockets


def children() -> list[str]:
    """Our direct children, zombies among them."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()


@contextlib.asynccontextmanager
async def nothing_left(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[set[int]]:
    """Fails when something is left of what the block starts; the block adds the ports that it used to the set."""
    mark, _ = marked_environment()
    monkeypatch.setenv(MARK, mark)
    ports: set[int] = set()
    files, tasks, before = open_files(), len(asyncio.all_tasks()), set(children())
    yield ports
    assert living(mark) == {}
    assert set(children()) - before == set()
    still = listening()
    assert ports and held({still[port] for port in ports & set(still)}) == set()
    assert open_files() - files == Counter()
    assert len(asyncio.all_tasks()) == tasks


async def start_and_stop(launch: Launch, ports: set[int], log: Path) -> None:
    """One life of a server arm: ready, asked something, and ended."""
    arm = ServerArm("A", launch, log=log)
    try:
        await arm.start()
        ports.add(arm.port)
        assert arm.port in listening()
        assert await arm.version()
    finally:
        await arm.stop()
