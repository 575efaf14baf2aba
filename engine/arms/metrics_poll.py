"""A server's own metrics as a stream: what it computes, what waits, and how full its cache is, five times a second.

Serving all of `/metrics` takes vLLM's event loop 7 ms, in which no token leaves it; `/metrics/` with the names that
are wanted takes it 0.7 ms. A whole Prometheus parser takes ours 10 ms for all of it; six lines take microseconds. Both
would show in the latencies that a race measures.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable
from math import isfinite
from types import TracebackType
from typing import Self

import aiohttp

from engine.clock import NS, Clock
from engine.documents import Column, Descriptor, Page
from engine.metrics import METRICS

POLL_SECONDS = 0.2
RESTING_POLLS = 5
"""While an arm rests, every fifth poll is enough to see that it does."""
_PATIENCE_SECONDS = 1.0

_Value = float | int | None

_SOURCES: dict[str, bytes] = {
    "running_requests": b"vllm:num_requests_running",
    "waiting_requests": b"vllm:num_requests_waiting",
    "kv_cache_usage_percent": b"vllm:kv_cache_usage_perc",
    "prompt_tokens": b"vllm:prompt_tokens_total",
    "generation_tokens": b"vllm:generation_tokens_total",
    "preemptions": b"vllm:num_preemptions_total",
}

_NAMES = [("name[]", name.decode()) for name in _SOURCES.values()]
_SAMPLE = re.compile(rb"^(vllm:\w+)(?:\{[^\n]*\})? (\S+)", re.MULTILINE)


def read_exposition(text: bytes) -> dict[str, _Value]:
    """Our metrics out of Prometheus's text format; None where one is missing.

    A server with several engines has a line for each: they add up, but for the cache, of which the fullest counts.
    """
    told: dict[bytes, list[float]] = {}
    for name, value in _SAMPLE.findall(text):
        with contextlib.suppress(ValueError):
            told.setdefault(name, []).append(float(value))
    known = {ours: [value for value in told.get(theirs, ()) if isfinite(value)] for ours, theirs in _SOURCES.items()}
    row: dict[str, _Value] = {name: round(sum(values)) if values else None for name, values in known.items()}
    usage = known["kv_cache_usage_percent"]
    row["kv_cache_usage_percent"] = 100 * max(usage) if usage else None
    return row


class MetricsPoll:
    """Polls the server of `arm` for as long as the `async with` lasts, and emits a page of one row each time.

    Five times a second while it is `active`, else once. Never two requests at a time; when the event loop was late or
    an answer takes long, polls are left out, not made up for. The first of a series of failures is a row of nulls.
    `by_name`: whether the server answers for just the metrics that it is asked for.
    """

    def __init__(
        self, arm: str, base_url: str, clock: Clock, emit: Callable[[Descriptor | Page], None], *, active: bool = False
    ) -> None:
        self.active = active
        self.stream = f"vllm.{arm}"
        self._arm, self._clock, self._emit = arm, clock, emit
        self._url, self.by_name, self._failed = f"{base_url}/metrics", True, False
        self._task: asyncio.Task[None] | None = None

    def descriptor(self) -> Descriptor:
        """What the stream holds."""
        return Descriptor(
            stream=self.stream,
            t_ns=self._clock.now_ns(),
            source="vllm",
            arm=self._arm,
            columns={name: Column(unit=METRICS[name].unit, kind=METRICS[name].kind) for name in _SOURCES},
            nominal_period_ns=round(POLL_SECONDS * NS),
        )

    async def __aenter__(self) -> Self:
        self._emit(self.descriptor())
        self._task = asyncio.create_task(self._poll(), name=f"poll {self.stream}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _poll(self) -> None:
        timeout = aiohttp.ClientTimeout(total=_PATIENCE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            begun_ns, period_ns, number = self._clock.now_ns(), round(POLL_SECONDS * NS), 0
            while True:
                await self._clock.wait_until(begun_ns + number * period_ns)
                late_ns = self._clock.now_ns() - begun_ns - number * period_ns
                # Woken late: the loop was blocked, and has clients to serve before us.
                if late_ns < period_ns // 2 and (self.active or number % RESTING_POLLS == 0):
                    await self._once(session)
                number = 1 + (self._clock.now_ns() - begun_ns) // period_ns

    async def _once(self, session: aiohttp.ClientSession) -> None:
        """One row, timed between question and answer."""
        asked_ns = self._clock.now_ns()
        row = await self._row(session)
        t_ns = (asked_ns + self._clock.now_ns()) // 2
        if row is None and self._failed:
            return
        self._failed = row is None
        self._emit(Page(stream=self.stream, t_ns=[t_ns], data={name: [(row or {}).get(name)] for name in _SOURCES}))

    async def _row(self, session: aiohttp.ClientSession) -> dict[str, _Value] | None:
        path, names = ("/", _NAMES) if self.by_name else ("", ())
        try:
            async with session.get(self._url + path, params=names) as answer:
                row = read_exposition(await answer.read())
        except (aiohttp.ClientError, TimeoutError):
            return None
        if any(value is not None for value in row.values()):
            return row
        if not self.by_name:
            return None
        self.by_name = False  # a server of several processes, or of another make, cannot choose
        return await self._row(session)
