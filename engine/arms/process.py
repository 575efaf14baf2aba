"""One arm's process on its leash, and the tail of what it says."""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.leash import GRACE_SECONDS, command_on_leash, kill_session

_TAIL_LINES = 200
"""vLLM prints two tracebacks after the line that matters."""


class ArmProcess:
    """A command in its own process group; `exited` is set when it has ended, by whatever means.

    Its output goes into the file `log` (None: nowhere) and the last lines are kept in `tail`.
    """

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], log: Path | None = None) -> None:
        self.command, self.env, self.log = list(command), dict(env), log
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.code: int | None = None
        self.exited = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it; returns at once."""
        self._process = await asyncio.create_subprocess_exec(
            *command_on_leash(self.command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self.env},
            start_new_session=True,
        )
        self._watch = asyncio.create_task(self._read(), name=f"watch {self.command[0]}")

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        process, output = self._process, self._process.stdout
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(self.log.open("ab")) if self.log else None
            rest = b""
            while chunk := await output.read(65536):
                if file:
                    file.write(chunk)
                    file.flush()
                *lines, rest = (rest + chunk).split(b"\n")
                self.tail.extend(line.decode(errors="replace").rstrip() for line in lines if line.strip())
                rest = rest[-4096:]
            if rest.strip():
                self.tail.append(rest.decode(errors="replace").rstrip())
        code = await process.wait()
        kill_session(process.pid)
        # The leash passes a signal on as a shell does: 128 + its number.
        self.code = 128 - code if code > 128 else code
        self.exited.set()

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
