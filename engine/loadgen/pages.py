"""The pages of an arm's text stream: every streamed chunk is a row."""

import asyncio
from collections.abc import Callable
from typing import Any

from engine.documents import Page
from engine.loadgen.stream import Row

FLUSH_SECONDS = 0.05


class TextPages:
    """Collects rows of the stream called `stream` and emits pages, FLUSH_SECONDS late at most."""

    def __init__(self, stream: str, emit: Callable[[Page], None]) -> None:
        self.stream = stream
        self._emit = emit
        self._timer: asyncio.TimerHandle | None = None
        self._clear()

    def add(self, t_ns: int, request: int, rows: list[Row]) -> None:
        """Rows that arrived together at `t_ns`."""
        for tokens, text in rows:
            self._t_ns.append(t_ns)
            self._request.append(request)
            self._tokens.append(tokens)
            self._text.append(text)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Emit what there is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._t_ns:
            return
        data: dict[str, list[Any]] = {
            "request": self._request,
            "tokens": self._tokens,
            "text": self._text,
        }
        # The columns are known to be right: validating 2,000 rows a second would only cost.
        page = Page.model_construct(stream=self.stream, t_ns=self._t_ns, data=data)
        self._clear()
        self._emit(page)

    def _clear(self) -> None:
        self._t_ns: list[int] = []
        self._request: list[int] = []
        self._tokens: list[int] = []
        self._text: list[str] = []
