"""What a load generator needs, for the tests, and what it said."""

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web
from simulated_server import MODEL, free_port

from engine.clock import MonotonicClock
from engine.config import Workload
from engine.documents import Mark, MarkKind, Page
from engine.loadgen import LoadGenerator


class Race:
    """What a load generator needs, and what it said."""

    def __init__(
        self, url: str, *, arm: str = "A", concurrency: int = 4, server: dict[str, Any] | None = None, **workload: Any
    ) -> None:
        self.documents: list[Mark | Page] = []
        self.clock = MonotonicClock(time.monotonic_ns())
        self.workload = Workload(**{"max_tokens": 40, **workload})
        self.watch: Callable[[Mark | Page], None] = lambda document: None
        self.generator = LoadGenerator(
            arm=arm,
            base_url=url,
            model=MODEL,
            workload=self.workload,
            concurrency=concurrency,
            clock=self.clock,
            emit=self.emit,
            request_ids=itertools.count(1),
            **(server or {}),
        )

    def emit(self, document: Mark | Page) -> None:
        self.documents.append(document)
        self.watch(document)

    def marks(self, kind: MarkKind) -> list[Mark]:
        return [each for each in self.documents if isinstance(each, Mark) and each.kind is kind]

    @property
    def pages(self) -> list[Page]:
        return [each for each in self.documents if isinstance(each, Page)]

    @property
    def rows(self) -> list[tuple[int, Any, Any, Any]]:
        rows: list[tuple[int, Any, Any, Any]] = []
        for page in self.pages:
            columns = (page.data[name] for name in ("request", "tokens", "text"))
            rows += zip(page.t_ns, *columns, strict=True)
        return rows

    def stop_when(self, kind: MarkKind, count: int) -> asyncio.Event:
        """An event that is set as soon as there are `count` marks of `kind`."""
        event = asyncio.Event()

        def watch(_: Mark | Page) -> None:
            if len(self.marks(kind)) >= count:
                event.set()

        self.watch = watch
        return event


async def odd_server(body: bytes, status: int) -> tuple[web.AppRunner, str]:
    """A server that answers every request so, and its address."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.05)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner, f"http://127.0.0.1:{port}"
