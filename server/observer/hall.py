"""The hall of the observer's bench: the usual server in a process of its own, and a crowd in another."""

import asyncio
import contextlib
import errno
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

from engine.documents import Document
from engine.errors import ServerError
from engine.pipes import StreamSink
from engine.plan import scratch_folder

_SECONDS = 30.0
_LOOK_SECONDS = 0.02


class Feed(StreamSink):
    """Documents into a named pipe."""

    async def open_at(self, path: Path) -> None:
        """As soon as somebody reads it. Raises ServerError when nobody does."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _SECONDS
        while (number := _opened(path)) is None:
            if loop.time() > until:
                raise ServerError("the bench's server does not read the race")
            await asyncio.sleep(_LOOK_SECONDS)
        self._transport, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(number, "wb", buffering=0))


class ServedHall:
    """Tells documents to the server, and seats viewers."""

    def __init__(self, feed: Feed, crowd: Process) -> None:
        self._feed, self._crowd = feed, crowd
        self.seated = 0

    def __call__(self, document: Document) -> None:
        """Tell the server a document."""
        self._feed(document)

    async def seat(self, viewers: int) -> None:
        """Have so many viewers. Raises ServerError when they do not come."""
        if viewers == self.seated:
            return
        assert self._crowd.stdin is not None
        self._crowd.stdin.write(b"%d\n" % viewers)
        if await _line(self._crowd, "the viewers") != str(viewers):
            raise ServerError("the viewers of the bench have gone")
        self.seated = viewers


@contextlib.asynccontextmanager
async def served_hall() -> AsyncIterator[ServedHall]:
    """A server that shows what it is told, and its viewers, none of them yet."""
    with scratch_folder() as folder:
        pipe = Path(folder) / "documents"
        os.mkfifo(pipe)
        async with _child("server.observer", str(pipe), str(os.getpid())) as server:
            url = await _line(server, "the bench's server")
            feed = Feed()
            await feed.open_at(pipe)
            async with _child("server.observer.crowd", f"{url.replace('http', 'ws', 1)}ws") as crowd:
                try:
                    yield ServedHall(feed, crowd)
                finally:
                    await feed.close()


@contextlib.asynccontextmanager
async def _child(module: str, *arguments: str) -> AsyncIterator[Process]:
    """A module of ours as a process that ends with us."""
    argv = [sys.executable, "-P", "-m", module, *arguments]
    words = None if os.environ.get("WATTRACE_DEBUG") == "1" else subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=words)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _opened(path: Path) -> int | None:
    """The pipe's writing end; None as long as nobody has its reading end."""
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None


async def _line(process: Process, who: str) -> str:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _SECONDS)
    except TimeoutError:
        raise ServerError(f"{who} did not answer within {_SECONDS:.0f} s") from None
    if not line:
        raise ServerError(f"{who} ended by itself; see why with --debug")
    return line.decode().strip()
