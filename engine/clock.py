"""The one clock: CLOCK_MONOTONIC in integer nanoseconds, shared by every process of this machine."""

import asyncio
import math
import time
from typing import Protocol

NS = 1_000_000_000
_MS = NS // 1000


class Clock(Protocol):
    """What measures time for everything that wattrace times."""

    def now_ns(self) -> int:
        """Nanoseconds on a clock that never steps."""

    def sleep_until(self, t_ns: int) -> None:
        """Block until `t_ns`; return at once when it is past."""

    async def wait_until(self, t_ns: int) -> None:
        """The same without blocking the event loop."""


class MonotonicClock:
    """The system's CLOCK_MONOTONIC, less `origin_ns` (0: the clock's own zero)."""

    def __init__(self, origin_ns: int = 0) -> None:
        self.origin_ns = origin_ns

    def now_ns(self) -> int:
        """Nanoseconds since the origin."""
        return time.monotonic_ns() - self.origin_ns

    def sleep_until(self, t_ns: int) -> None:
        """Block until `t_ns`."""
        while (left_ns := t_ns - self.now_ns()) > 0:
            time.sleep(left_ns / NS)

    async def wait_until(self, t_ns: int) -> None:
        """Let the event loop run until `t_ns`."""
        while (left_ns := t_ns - self.now_ns()) > 0:
            # Event loops count in milliseconds: asked for a part of one, uvloop would come back at once, many times.
            await asyncio.sleep(math.ceil(left_ns / _MS) / 1000)


class FakeClock:
    """A clock that tests move: sleeping is advancing."""

    def __init__(self, t_ns: int = 0) -> None:
        self.t_ns = t_ns

    def now_ns(self) -> int:
        """The time that was set."""
        return self.t_ns

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self.t_ns += round(seconds * NS)

    def sleep_until(self, t_ns: int) -> None:
        """Jump to `t_ns`, never back."""
        self.t_ns = max(self.t_ns, t_ns)

    async def wait_until(self, t_ns: int) -> None:
        """Jump to `t_ns`, and let other tasks run once."""
        self.sleep_until(t_ns)
        await asyncio.sleep(0)
