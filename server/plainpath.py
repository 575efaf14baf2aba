"""uvicorn's protocol of plain requests, server-sent events among them, with the bounds that WebSockets have here."""

import asyncio
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.connection import SHUTDOWN_SECONDS, bound, narrow

CONNECTION = "wattrace.connection"
"""The scope extension that can `abort`, dropping what is unsent, and `narrow`: let little be unsent from now on."""

_MOST_HEAD_BYTES = 65_536
_HEAD_SECONDS = 10.0
"""How long a request's head may take, from the connection or its first byte on."""


class RequestProtocol(HttpToolsProtocol):
    """One connection with plain requests."""

    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Bound what the kernel holds, as for WebSockets, and how long we wait for somebody who says nothing."""
        super().connection_made(transport)
        bound(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._head_is_over()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A request's head that has no end, in bytes or in time, is nobody's we want to hear."""
        if self.cycle is None or self.cycle.response_complete:
            self._head_bytes += len(data)
            self._expect_head()  # uvicorn's own patience, between two requests, ends with the first byte
        else:
            self._head_bytes = 0
        if self._head_bytes > _MOST_HEAD_BYTES:
            self.transport.abort()
            return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head is over."""
        self._head_is_over()
        super().on_headers_complete()

    def shutdown(self) -> None:
        """The server ends: close, but do not wait for ever for somebody who does not read."""
        super().shutdown()
        self.loop.call_later(SHUTDOWN_SECONDS, self.transport.abort)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(_HEAD_SECONDS, self.transport.abort)

    def _head_is_over(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def on_message_begin(self) -> None:
        """Let the application abort, and bound what waits."""
        super().on_message_begin()
        scope = cast(dict[str, Any], self.scope)
        scope["extensions"] = {CONNECTION: {"abort": self.transport.abort, "narrow": partial(narrow, self.transport)}}
