"""The controller: the one race (or replay) process, its documents, its commands and its end."""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import orjson

from engine.documents import Document, Stop, decode
from engine.errors import RecordingError, ServerError, describe_exit
from server.lines import Lines

logger = logging.getLogger("wattrace.control")

Command = Callable[[str | None], Sequence[str]]
"""Makes a race's argv from a demo's name (None: the default one); raises WattraceError for what cannot be."""

STDERR_LINES = 50
_CHUNK_BYTES = 262_144
_STRAGGLER_SECONDS = 1.0
STOP_SECONDS, TERM_SECONDS, CLOSE_SECONDS = 15.0, 5.0, 5.0
WINDING_UP_SECONDS = 10.0


class AlreadyRunning(ServerError):
    """A race is on already; one at a time."""

    def __str__(self) -> str:
        return "a race is running already; stop it first"


class NotRunning(ServerError):
    """There is nothing to stop or to command."""

    def __str__(self) -> str:
        return "no race is running"


class Controller:
    """Starts `command`'s process and feeds its documents to `sink`.

    `begun` hears of its start, `ended` of its end (exit status and last words). Constructing the controller
    starts nothing; `close` ends what was started, and every task.
    """

    def __init__(
        self,
        command: Command,
        *,
        sink: Callable[[Document], None],
        begun: Callable[[], None],
        ended: Callable[[int | None, str], None],
        debug: bool = False,
    ) -> None:
        self._command, self._sink, self._begun, self._ended = command, sink, begun, ended
        self._debug = debug
        self._process: Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()  # nothing runs
        self._over.set()
        self._starting = self._stopping = self._closed = False
        self._stopped = False  # the race has said so, and has only to end its processes
        self.stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self.undecodable = 0

    @property
    def running(self) -> bool:
        """Whether a process has been started and its end is not known yet."""
        return self._process is not None

    async def start(self, demo: str | None = None) -> None:
        """Start the race of `demo`, once the one before it, if it has ended on the screen, has ended here too.

        Raises AlreadyRunning, and ServerError when it cannot be started.
        """
        if self._starting or (self._process is not None and not self._stopped):
            raise AlreadyRunning
        argv = self._command(demo)
        self._starting = True
        try:
            if not await self._gone_within(WINDING_UP_SECONDS) or self._closed:
                raise AlreadyRunning
            self._process = process = await _spawned(argv)
        finally:
            self._starting = False
        self._stopping = self._stopped = False
        self._over.clear()
        self.stderr.clear()
        self._begun()
        self._own(self._attend(process))

    async def stop(self) -> None:
        """Ask the race to end; it is made to when it does not. Raises NotRunning."""
        if self._process is None:
            raise NotRunning
        if not self._stopping:
            self._stopping = True
            with suppress(OSError):
                self._send({"command": "stop"})
            self._own(self._insist(STOP_SECONDS))

    async def command(self, content: dict[str, Any]) -> None:
        """Send a command to the running process. Raises NotRunning."""
        try:
            self._send(content)
        except OSError as error:
            raise NotRunning from error

    async def close(self) -> None:
        """End the race by closing its standard input, by force after a while; returns when it is gone."""
        self._closed = True
        if self._process is not None:
            self.hang_up()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), CLOSE_SECONDS)
            await self._insist(0)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hang_up(self) -> None:
        """Close the race's standard input: it writes its `stop` and ends by itself."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    # -- within

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send(self, content: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            raise NotRunning
        self._process.stdin.write(orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))

    async def _attend(self, process: Process) -> None:
        """Read everything until the process has ended, then say so."""
        reading = asyncio.gather(self._read_documents(process), self._read_stderr(process))
        code = await process.wait()
        try:
            await asyncio.wait_for(reading, _STRAGGLER_SECONDS)
        except TimeoutError:
            # Somebody whom it left behind still holds its pipes: the same group, hence ours to end.
            _kill_group(process)
        last_words = self.stderr[-1] if self.stderr else ""
        logger.info("the race process %s", describe_exit(code))
        self._process = None
        self._over.set()
        self._ended(code, last_words)

    async def _read_documents(self, process: Process) -> None:
        lines = Lines()
        assert process.stdout is not None
        while chunk := await process.stdout.read(_CHUNK_BYTES):
            for line in lines.feed(chunk):
                self._enter(line)
            self.undecodable += lines.take_oversized()
            await asyncio.sleep(0)  # a flood of documents must not keep viewers waiting

    def _enter(self, line: bytes) -> None:
        """Hand one document on; a line that is none is counted, and the race goes on."""
        try:
            document = decode(line, path="race process")
            self._stopped |= isinstance(document, Stop)
            self._sink(document)
        except RecordingError as error:
            self.undecodable += 1
            logger.warning("%s", error)
        except Exception:
            # A figure that cannot be made of a document must not end the stream of all the others.
            self.undecodable += 1
            logger.exception("a document could not be entered")

    async def _read_stderr(self, process: Process) -> None:
        lines = Lines()
        assert process.stderr is not None
        while chunk := await process.stderr.read(_CHUNK_BYTES):
            if self._debug:
                sys.stderr.buffer.write(chunk)
                sys.stderr.buffer.flush()
            self.stderr.extend(text for line in lines.feed(chunk) if (text := _shown(line)))
        if text := _shown(lines.rest):
            self.stderr.append(text)

    async def _insist(self, patience_seconds: float) -> None:
        """SIGTERM after `patience_seconds`, SIGKILL to the whole group some seconds later."""
        process = self._process
        if process is None or await self._gone_within(patience_seconds):
            return
        with suppress(ProcessLookupError):
            process.terminate()
        if not await self._gone_within(TERM_SECONDS):
            _kill_group(process)
            await self._gone_within(TERM_SECONDS)

    async def _gone_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except TimeoutError:
            return False
        return True


async def _spawned(argv: Sequence[str]) -> Process:
    """The process, in a session of its own: Ctrl-C in the terminal is for the server alone."""
    # The token is the server's own; nothing that is raced needs it.
    environ = {name: value for name, value in os.environ.items() if name != "WATTRACE_TOKEN"}
    try:
        return await asyncio.create_subprocess_exec(
            *argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environ, start_new_session=True
        )
    except OSError as error:
        raise ServerError(f"the race process {argv[0]} cannot be started: {error.strerror}") from error


def _kill_group(process: Process) -> None:
    """The process leads a session, hence a group, of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _shown(line: bytes) -> str:
    return line.decode(errors="replace").strip()[:500]
