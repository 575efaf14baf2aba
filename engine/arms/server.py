"""An arm that is an OpenAI-compatible server which we start ourselves: awaited, watched, ended."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp
from pydantic import JsonValue

from engine.arms.diagnosis import plain_cause
from engine.arms.effective import ask_effective, told_by_line
from engine.arms.loading import Progress, progress
from engine.arms.process import ArmProcess
from engine.errors import ArmError, ArmExited, ArmNotReady

_POLL_SECONDS = 0.1
_WATCH_SECONDS = 0.5


@dataclass(frozen=True)
class Launch:
    """How to start one server: everything but its port, which `{port}` stands for in `command`."""

    command: Sequence[str]
    model: str
    ready_seconds: float
    env: Mapping[str, str] = field(default_factory=dict)
    effective: Mapping[str, JsonValue] = field(default_factory=dict)
    doubts: Sequence[str] = ()
    """What may be wrong with it, in sentences."""


class ServerArm:
    """Arm `label` as a running server; whoever starts it stops it. `on_progress` hears how far its start is."""

    def __init__(
        self,
        label: str,
        launch: Launch,
        *,
        log: Path | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.label, self.launch, self.log = label, launch, log
        self._on_progress = on_progress
        self._forget()
        self.port = 0
        self.process: ArmProcess | None = None

    def _forget(self) -> None:
        """Begin anew: what an earlier start told is nothing of the next one's."""
        self.progress = Progress("configuring")
        """How far its start is."""
        self.logged: dict[str, JsonValue] = {}
        """What its log told of its configuration."""

    @property
    def base_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """The same, up to before `/chat/completions`."""
        return f"{self.base_url}/v1"

    @property
    def model(self) -> str:
        """What its model is called in a request."""
        return self.launch.model

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request needs: nothing, since it listens on this machine only."""
        return {}

    async def start(self) -> None:
        """Start the server on a free port and wait until `/health` says that it is ready.

        Raises ArmExited when it ends first, ArmNotReady when it takes longer than `launch.ready_seconds`.
        """
        self._forget()
        self.port = _free_port()
        command = [part.replace("{port}", str(self.port)) for part in self.launch.command]
        self.process = ArmProcess(command, env=self.launch.env, log=self.log, on_lines=self._hear)
        await self.process.start()
        try:
            async with asyncio.timeout(self.launch.ready_seconds):
                await self._healthy(self.process)
        except TimeoutError:
            seconds = f"{self.launch.ready_seconds:.0f} s"
            raise ArmNotReady(
                self.label,
                f"not ready after {seconds}",
                remedy=plain_cause(self.process.tail) or "see its log lines",
                log_tail=self.process.tail,
            ) from None
        self.process.on_lines = None

    def _hear(self, lines: list[bytes]) -> None:
        """Learn from what the server prints while it starts; of lines that come together the last one tells how far."""
        before = self.progress
        for line in (line.decode(errors="replace") for line in lines):
            self.logged |= told_by_line(line)
            self.progress = progress(line) or self.progress
        if self.progress != before and self._on_progress is not None:
            self._on_progress(self.progress)

    async def effective(self) -> dict[str, JsonValue]:
        """The configuration that the server runs with: `told_by` names who says so.

        What `/server_info` says is all there is to say; else what it was started with, under what its log and its
        metrics say where they do.
        """
        told = await ask_effective(self.base_url, logged=self.logged)
        if told.get("told_by") == "server_info":
            return told
        told_by = f"{told['told_by']}, else arguments" if told else "arguments"
        return {**self.launch.effective, **told, "told_by": told_by}

    async def _healthy(self, process: ArmProcess) -> None:
        async with aiohttp.ClientSession() as session:
            while not process.exited.is_set():
                if await self._status(session) == HTTPStatus.OK:
                    return
                await asyncio.sleep(_POLL_SECONDS)
        raise self.exit_error()

    async def version(self) -> str | None:
        """The server's own version, as vLLM tells it at `/version`; None when it does not."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{self.base_url}/version", timeout=_quick()) as answer,
            ):
                told = await answer.json() if answer.status == HTTPStatus.OK else {}
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None
        version = told.get("version") if isinstance(told, dict) else None
        return version if isinstance(version, str) else None

    async def died(self) -> ArmError:
        """Wait until the server is dead, and say how: its process has ended, or `/health` has given it up.

        A vLLM server whose engine core was killed lives on for three seconds and then exits with status 0, but
        `/health` answers 503 at once.
        """
        assert self.process is not None
        process = self.process
        async with aiohttp.ClientSession() as session:
            while not process.exited.is_set():
                if await self._status(session) == HTTPStatus.SERVICE_UNAVAILABLE:
                    tail = list(process.tail)
                    problem = "its server lives but its engine is dead (/health answers 503)"
                    return ArmError(self.label, problem, remedy=plain_cause(tail), log_tail=tail)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.exited.wait(), _WATCH_SECONDS)
        return self.exit_error()

    async def _status(self, session: aiohttp.ClientSession) -> int | None:
        """What `/health` answers; None when nothing comes, as from a server that is merely busy."""
        try:
            async with session.get(f"{self.base_url}/health", timeout=_quick()) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    def exit_error(self) -> ArmExited:
        """How the process ended, with its last words."""
        assert self.process is not None
        tail = list(self.process.tail)
        return ArmExited(self.label, code=self.process.code, cause=plain_cause(tail), log_tail=tail)

    async def stop(self) -> None:
        """End the server and all that it started."""
        if self.process is not None:
            await self.process.stop()


def _quick() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=2)


def _free_port() -> int:
    """A port that is free now. Another program may take it first: then the server says so and the race ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
