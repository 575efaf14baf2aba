"""The presenter's word to go on: it ends the turn, or the wait, that is on now, and nothing after it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Skipping:
    """Knows what can be ended now; between two such things there is nothing to end, and the word is passed over."""

    def __init__(self) -> None:
        self._now: asyncio.Event | None = None

    def skip(self) -> None:
        """End what is on now."""
        if self._now is not None:
            self._now.set()

    @contextmanager
    def possible(self) -> Iterator[asyncio.Event]:
        """For as long as the context is open, `skip` sets this event."""
        before, self._now = self._now, asyncio.Event()
        try:
            yield self._now
        finally:
            self._now = before
