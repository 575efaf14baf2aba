"""The race's side of the sampler process: starts it, hands its documents on, notices its death, ends it."""

import asyncio
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson
from pydantic import JsonValue

from engine.documents import Descriptor, Mark, MarkKind, Page, Start, Stop, decode
from engine.errors import DeviceError, NoDevice, SamplerDied
from engine.sampler.deadlines import RATES_HZ

# A page at 1 kHz is a few kilobytes; provenance of many devices may be more.
LINE_LIMIT_BYTES = 1 << 24
START_SECONDS = 60.0
"""A driver without persistence mode may take seconds for each GPU before it answers at all."""

Stream = TypeVar("Stream", asyncio.StreamReader, asyncio.StreamWriter)
OnDocument = Callable[[Start | Descriptor | Page | Mark | Stop], None]


class Sampler:
    """A sampler process for as long as the `async with` lasts.

    `provenance` and `descriptors` are known on entering; a device whose driver call does not return has no
    columns, and if it answers later, its descriptors come again. `on_document` then gets the descriptors and every
    page and mark, in order, but not before the caller awaits something: a `start` that is emitted right
    after entering comes first.

    Entering raises NoDevice (with the remedy), DeviceError or SamplerDied. `wait` raises SamplerDied when
    the process ends by itself, and whatever `on_document` raised; leaving raises that too, unless `wait` or
    the body has. The thread that enters must outlive the sampler: Linux ties the child to it, not to its
    process.
    """

    def __init__(
        self,
        *,
        source: str,
        clock_origin_ns: int,
        on_document: OnDocument,
        rate_hz: int = 100,
        gpus: Sequence[int | str] = (),
        occupancy: Path | None = None,
        seed: int = 0,
        stop_seconds: float = 3.0,
    ) -> None:
        self._command = [sys.executable, "-P", "-m", "engine.sampler", "--source", source]
        self._command += ["--origin-ns", str(clock_origin_ns), "--rate", str(rate_hz), "--seed", str(seed)]
        self._command += ["--parent", str(os.getpid())]
        if gpus:
            self._command += ["--gpus", ",".join(map(str, gpus))]
        if occupancy is not None:
            self._command += ["--occupancy", str(occupancy)]
        self._origin_ns, self._on_document, self._stop_seconds = clock_origin_ns, on_document, stop_seconds
        self.provenance: dict[str, JsonValue] = {}
        self.descriptors: dict[str, Descriptor] = {}
        self._last_words: deque[str] = deque(maxlen=20)
        self._stopping = self._killed = self._told = False
        self._delivering: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, stderr=pipe, limit=LINE_LIMIT_BYTES
        )
        self._listening = asyncio.create_task(self._listen())
        try:
            await asyncio.wait_for(self._greet(), START_SECONDS)
        except TimeoutError:
            what = f"the driver has not answered within {START_SECONDS:.0f} s"
            raise DeviceError(what, remedy="see whether nvidia-smi answers") from None
        finally:
            if not self.descriptors:
                await self._end(self._stop_seconds)
        self._delivering = asyncio.create_task(self._deliver())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        failure = self._delivery().exception()
        if failure is not None and error is None and not self._told:
            raise failure

    @property
    def pid(self) -> int:
        """The sampler's process id."""
        return self._process.pid

    async def wait(self) -> None:
        """Return when the sampler has been stopped; raise SamplerDied when it ended by itself."""
        await asyncio.wait({self._delivery()})
        self._told = True
        self._delivery().result()

    async def set_rate(self, rate_hz: int) -> None:
        """Sample at `rate_hz` (10 to 1000) from now on, or let the sampler sleep (0) until the next call.

        A note with `data.rate_hz` says for each device when it took effect; a sleep is told as a `gap`.
        """
        if rate_hz and rate_hz not in RATES_HZ:
            raise ValueError(f"{rate_hz} samples a second are not possible: 10 to 1000 are, or 0 to sleep")
        stdin = _open(self._process.stdin)
        # If it has died meanwhile, `wait` says so.
        with suppress(ConnectionError):
            stdin.write(orjson.dumps({"rate": rate_hz}, option=orjson.OPT_APPEND_NEWLINE))
            await stdin.drain()

    async def stop(self) -> None:
        """Let it write its last pages and end; after `stop_seconds` it is killed, and a warning says so."""
        self._stopping = True
        if not await self._end(self._stop_seconds):
            seconds = f"{self._stop_seconds:g} s"
            self._warn(f"the sampler did not end within {seconds} and was killed; its last pages are missing")

    async def _greet(self) -> None:
        """Read the provenance and a descriptor for every stream."""
        hello = await self._hello()
        self.provenance = hello["provenance"]
        described = [decode(await self._line()) for _ in hello["streams"]]
        self.descriptors = {each.stream: each for each in described if isinstance(each, Descriptor)}

    async def _hello(self) -> dict[str, Any]:
        hello: dict[str, Any] = orjson.loads(await self._line())
        if "error" not in hello:
            return hello
        refusal = hello["error"]
        kind = NoDevice if refusal["kind"] == "NoDevice" else DeviceError
        raise kind(refusal["what"], remedy=refusal["remedy"])

    async def _deliver(self) -> None:
        for descriptor in self.descriptors.values():
            self._on_document(descriptor)
        # A line without its end is the last of a sampler that was killed, which is told elsewhere.
        while (line := await _open(self._process.stdout).readline()).endswith(b"\n"):
            document = decode(line, path="the sampler's output")
            if isinstance(document, Descriptor):
                self.descriptors[document.stream] = document
            self._on_document(document)
        died = await self._died()
        if not self._killed and not (self._stopping and died.code == 0):
            raise died

    async def _line(self) -> bytes:
        line = await _open(self._process.stdout).readline()
        if not line:
            raise await self._died()
        return line

    async def _died(self) -> SamplerDied:
        code = await self._process.wait()
        await self._listening
        return SamplerDied(code=code, last_words=self._last_words[-1] if self._last_words else "")

    async def _listen(self) -> None:
        """Keep what the process complains about: its last line explains its death."""
        async for line in _open(self._process.stderr):
            self._last_words.append(line.decode(errors="replace").strip())

    async def _end(self, seconds: float) -> bool:
        """Close its stdin and see it end, by force after `seconds`; True when it took no force."""
        _open(self._process.stdin).close()
        ended = asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait({ended}, timeout=seconds)
            return ended.done()
        finally:
            # Not if it has ended: Popen.kill would then take its exit status away from the event loop.
            if not ended.done():
                self._killed = True
                self._process.kill()
            await self._read_out()
            await asyncio.wait({ended, self._listening})

    async def _read_out(self) -> None:
        """Have its stdout read to the end: unread, it would keep the pipe open."""
        if self._delivering is not None:
            await asyncio.wait({self._delivering})
        while await _open(self._process.stdout).read(LINE_LIMIT_BYTES):
            pass

    def _delivery(self) -> asyncio.Task[None]:
        assert self._delivering is not None, "enter the sampler first"
        return self._delivering

    def _warn(self, text: str) -> None:
        t_ns = max(0, time.monotonic_ns() - self._origin_ns)
        self._on_document(Mark(kind=MarkKind.WARNING, t_ns=t_ns, text=text))


def _open(stream: Stream | None) -> Stream:
    """A pipe that was asked for, so it is there."""
    assert stream is not None
    return stream
