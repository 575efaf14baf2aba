"""vLLM's sleep mode: an arm gives its GPU's memory away and gets it back, and both are looked at, not believed.

A server that cannot sleep may answer OK all the same (the CPU build does), and one that does sleep may keep its memory
(expandable segments of PyTorch's allocator). So an arm is asleep when it says so *and* the memory is there.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

import aiohttp

MemoryUsed = Callable[[], float | None]
"""Bytes of the arm's GPUs that are in use, by whomever; None when they cannot be read."""

LEAST_FREED_BYTES = 256 * 2**20
"""For an arm whose share of the memory is not known."""
_CALL_SECONDS = 120.0
"""Weights of 80 GB go to main memory in ten seconds, on a slow host in more."""
_FREED_SECONDS = 5.0
"""The driver tells what it got back a moment later."""


@dataclass(frozen=True)
class SleepResult:
    """What came of it.

    `pretended`: the server says that it is asleep, and its memory is not free (or cannot be looked at); it has been
    woken again. `refused`: it says no, or does not say; in doubt it is awake.
    """

    outcome: Literal["asleep", "awake", "pretended", "refused"]
    text: str
    seconds: float
    freed_bytes: float | None = None

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked to."""
        return self.outcome in ("asleep", "awake")


class SleepSwitch:
    """Puts the server at `base_url` to sleep and wakes it; it needs to run with its development endpoints.

    `memory_used` is read before and after; sleeping must free `least_freed_bytes` (half of the arm's share is a good
    figure). After waking the first token is slow: let it be a warm-up's.
    """

    def __init__(self, base_url: str, memory_used: MemoryUsed, *, least_freed_bytes: float = LEAST_FREED_BYTES) -> None:
        self.base_url, self._memory_used, self._least = base_url, memory_used, least_freed_bytes

    async def sleep(self) -> SleepResult:
        """Give the memory away. What was being computed is aborted."""
        begun, before = time.monotonic(), self._memory_used()
        async with self._session() as session:
            if problem := await _post(session, "/sleep", level="1"):
                return SleepResult("refused", f"it does not go to sleep: {problem}", time.monotonic() - begun)
            if await _is_sleeping(session) is not True:
                text = "it was told to sleep, and says that it is awake"
                return SleepResult("refused", text, time.monotonic() - begun)
            freed = await self._freed(before)
            seconds = time.monotonic() - begun
            if freed is not None and freed >= self._least:
                return SleepResult("asleep", f"asleep after {seconds:.1f} s, {_gib(freed)} freed", seconds, freed)
            problem = await _post(session, "/wake_up")
        said = "how much of its memory is free cannot be read" if freed is None else f"only {_gib(freed)} became free"
        text = f"it says that it sleeps, and {said}" + (f"; it does not wake: {problem}" if problem else "")
        return SleepResult("pretended", text, seconds, freed)

    async def wake(self) -> SleepResult:
        """Take the memory back."""
        begun, before = time.monotonic(), self._memory_used()
        async with self._session() as session:
            problem = await _post(session, "/wake_up")
            if not problem and await _is_sleeping(session) is not False:
                problem = "it says that it still sleeps"
        seconds, after = time.monotonic() - begun, self._memory_used()
        freed = None if before is None or after is None else before - after
        if problem:
            return SleepResult("refused", f"it does not wake: {problem}", seconds, freed)
        return SleepResult("awake", f"awake after {seconds:.1f} s", seconds, freed)

    async def _freed(self, before: float | None) -> float | None:
        """How much less memory is in use than `before`: as soon as that is enough, else after a while."""
        deadline = time.monotonic() + _FREED_SECONDS
        while True:
            now = self._memory_used()
            freed = None if before is None or now is None else before - now
            if freed is None or freed >= self._least or time.monotonic() > deadline:
                return freed
            await asyncio.sleep(0.1)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self.base_url, timeout=aiohttp.ClientTimeout(total=_CALL_SECONDS))


async def _post(session: aiohttp.ClientSession, path: str, **query: str) -> str:
    """Why it did not work; "" when it did."""
    try:
        async with session.post(path, params=query) as answer:
            if answer.status == HTTPStatus.OK:
                return ""
            if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
                return f"its server has no {path}"
            return f"{path} answers {answer.status}"
    except TimeoutError:
        return f"{path} has not answered within {_CALL_SECONDS:.0f} s"
    except aiohttp.ClientError as error:
        return f"{path}: {error}"


async def _is_sleeping(session: aiohttp.ClientSession) -> bool | None:
    try:
        async with session.get("/is_sleeping") as answer:
            told = await answer.json() if answer.status == HTTPStatus.OK else None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    sleeping = told.get("is_sleeping") if isinstance(told, dict) else None
    return sleeping if isinstance(sleeping, bool) else None


def _gib(size: float) -> str:
    return f"{size / 2**30:.2f} GiB"
