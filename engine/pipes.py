"""Documents out of, and commands into, a child process: its standard output and input, one JSON line each."""

import asyncio
import contextlib
import io
import os
import stat
import sys
from collections.abc import AsyncIterator
from typing import Any

import orjson

from engine.documents import Document, encode

_BACKLOG_BYTES = 64 * 2**20
"""A reader that is this far behind is taken for dead: the recording has everything anyway."""

_PIPE_BYTES = 2**20
_F_SETPIPE_SZ = 1031


class StreamSink:
    """A sink that writes documents to our standard output and never waits for its reader."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._file: io.RawIOBase | None = None
        self.lost = False

    async def open(self) -> None:
        """Take standard output over; prints from here on go to standard error."""
        import fcntl

        with contextlib.suppress(OSError):  # not a pipe, or the system grants less: the usual size will do
            fcntl.fcntl(1, _F_SETPIPE_SZ, _PIPE_BYTES)
        out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        mode = os.fstat(out.fileno()).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or out.isatty()):
            self._file = out  # a file, or /dev/null: no event loop waits for those, and they take everything
            return
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_write_pipe(asyncio.Protocol, out)

    def __call__(self, document: Document) -> None:
        """Send `document`, unless the reader is gone or hopelessly behind."""
        self._send(encode(document))

    def tell(self, cue: dict[str, Any]) -> None:
        """Send a line that is no document, for the server alone."""
        self._send(orjson.dumps(cue, option=orjson.OPT_APPEND_NEWLINE))

    def _send(self, line: bytes) -> None:
        if self.lost:
            return
        if self._file is not None:
            try:
                self._file.write(line)
            except OSError:  # the disk is full: the recording has everything, or says that it has not
                self.lost = True
        elif self._transport is not None:
            waiting = self._transport.get_write_buffer_size()
            self.lost = self._transport.is_closing() or waiting > _BACKLOG_BYTES
            if not self.lost:
                self._transport.write(line)

    async def close(self, timeout_seconds: float = 2.0) -> None:
        """Wait a little for the reader to take the rest."""
        if self._file is not None:
            self._file.close()
        if self._transport is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self._transport.get_write_buffer_size() and not self._transport.is_closing():
                    await asyncio.sleep(0.005)
        self._transport.abort()


async def commands() -> AsyncIterator[dict[str, Any]]:
    """Commands from our standard input; it ends when the other side is gone. What is no command is passed over."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(0), "rb"))
    while line := await _line(reader):
        with contextlib.suppress(orjson.JSONDecodeError):
            command = orjson.loads(line)
            if isinstance(command, dict):
                yield command


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; empty at the end only. One that is longer than the reader's limit is thrown away."""
    while True:
        try:
            return await reader.readline()
        except ValueError:
            continue
