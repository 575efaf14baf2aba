"""One arm's process on its leash, and the tail of what it says."""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.leash import GRACE_SECONDS, command_on_leash, kill_session

_TAIL_LINES = 200
"""vLLM prints two tracebacks after the line that matters."""

_LONGEST_LINE = 65536
"""Bytes; vLLM prints its whole configuration in one. Of a longer line the end is kept."""

_DRAIN_SECONDS = 0.3
"""So long the last words of a process that has ended may take to be read."""

_LOG_BYTES = 64 * 2**20
_LOG_FULL = b"\n[wattrace keeps no more of this log: it has become too long]\n"

OnLines = Callable[[list[bytes]], None]


class ArmProcess:
    """A command in its own process group; `exited` is set when it has ended, by whatever means.

    Its output goes into the file `log` (None: nowhere) and the last lines are kept in `tail`. `on_lines`, as long as
    it is set, hears of the lines that were read together, without their ends, as soon as they are whole; each state of
    a progress bar, which redraws its line, is one. It must not raise. However much is printed, little is in memory.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path | None = None,
        on_lines: OnLines | None = None,
    ) -> None:
        self.command, self.env, self.log, self.on_lines = list(command), dict(env), log, on_lines
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self.code: int | None = None
        self.exited = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def tail(self) -> list[str]:
        """Its last lines, as a terminal would show them in the end."""
        return [line.decode(errors="replace").rstrip() for line in self._tail]

    @property
    def pid(self) -> int | None:
        """Its leash's process; None before it is started."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start it; returns at once."""
        # asyncio's own pipe would keep its `wait` waiting for as long as anybody has the other end.
        ours, its = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command_on_leash(self.command),
                stdin=asyncio.subprocess.PIPE,
                stdout=its,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **self.env},
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(its)
        self._watch = asyncio.create_task(self._end(self._process, ours), name=f"watch {self.command[0]}")

    async def _end(self, process: asyncio.subprocess.Process, ours: int) -> None:
        """See it end; what it started may hold its output open long after that, and nobody waits for those."""
        output = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(ours, "rb", buffering=0)
        )
        reading = asyncio.create_task(self._read(output), name=f"read {self.command[0]}")
        code = await process.wait()
        kill_session(process.pid)
        await asyncio.wait({reading}, timeout=_DRAIN_SECONDS)
        transport.close()
        # The leash passes a signal on as a shell does: 128 + its number.
        self.code = 128 - code if code > 128 else code
        self.exited.set()
        await reading

    async def _read(self, output: asyncio.StreamReader) -> None:
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(_Log(self.log)) if self.log else None
            rest = b""
            while chunk := await output.read(65536):
                if log:
                    log.write(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                *redrawn, rest = rest.split(b"\r")
                rest = rest[-_LONGEST_LINE:]
                self._heard(lines, redrawn)
            self._heard([rest], [])

    def _heard(self, lines: Sequence[bytes], redrawn: Sequence[bytes]) -> None:
        """Keep whole lines, and tell them and what a line showed before it was `redrawn`."""
        self._tail.extend(line.rstrip().rpartition(b"\r")[2] for line in lines[-_TAIL_LINES:] if line.strip())
        if self.on_lines is not None:
            parts = (part for line in lines for part in line.split(b"\r"))
            told = [part for part in (*parts, *redrawn) if part.strip()]
            if told:
                self.on_lines(told)

    async def stop(self) -> None:
        """End it with all it started; returns when it is gone."""
        if self._process is None or self._watch is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(self._watch), GRACE_SECONDS + 2)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._watch
        if self._process.stdin is not None:
            self._process.stdin.close()


class _Log:
    """The file that keeps what a process printed, up to a size that hurts no disk."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._left = _LOG_BYTES - self._file.tell()

    def __enter__(self) -> "_Log":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, chunk: bytes) -> None:
        if self._left <= 0:
            return
        self._left -= len(chunk)
        self._file.write(chunk if self._left > 0 else chunk + _LOG_FULL)
        self._file.flush()
