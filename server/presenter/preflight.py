"""The check before a talk: `wattrace doctor` in a process of its own, one at a time."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import Any

import orjson

from engine.errors import ServerError
from server.settings import Settings

SECONDS = 120.0
"""It samples sensors for some seconds and may have to start a vLLM to ask it for its arguments."""


class Preflight:
    """Runs the doctor for a server with these `settings`, which listens already."""

    def __init__(self, settings: Settings, seconds: float = SECONDS) -> None:
        self._settings, self._seconds = settings, seconds
        self._one = asyncio.Lock()

    async def examine(self, argv: Sequence[str], port: int) -> dict[str, Any]:
        """What `argv` (a doctor that prints JSON) finds: `{"ok","demo","findings","gpus"}`. Raises ServerError."""
        async with self._one:
            return self._judged(await self._run(argv, port), port)

    async def _run(self, argv: Sequence[str], port: int) -> dict[str, Any]:
        environ = {name: value for name, value in os.environ.items() if name != "WATTRACE_TOKEN"}
        environ |= {"WATTRACE_HOST": self._settings.host, "WATTRACE_PORT": str(port)}
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, env=environ, start_new_session=True
            )
        except OSError as error:
            raise ServerError(f"the doctor cannot be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(self._seconds):
                out, err = await process.communicate()
        except TimeoutError:
            raise ServerError(f"the doctor has not finished in {self._seconds:.0f} s; run it in a terminal") from None
        finally:
            await _ended(process)
        with contextlib.suppress(orjson.JSONDecodeError):
            found = orjson.loads(out)
            if isinstance(found, dict) and isinstance(found.get("findings"), list):
                return found
        words = err.decode(errors="replace").strip().splitlines()
        raise ServerError(f"the doctor has failed: {words[-1][:300] if words else 'it said nothing'}")

    def _judged(self, found: dict[str, Any], port: int) -> dict[str, Any]:
        """The port is in use, but by us: that is how it should be."""
        for finding in found["findings"]:
            if finding.get("check") == "port":
                text = f"this page is served at port {port}"
                finding.update(level="ok", text=text, remedy="")
        return {**found, "ok": all(finding.get("level") != "problem" for finding in found["findings"])}


async def _ended(process: Process) -> None:
    """The process is gone, with all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
