"""A way out of what may hang, such as a driver's first answer."""

import asyncio
import contextlib
from collections.abc import Iterator

_TIDYING_SECONDS = 0.3
"""So long it may tidy up each time before it is cancelled again: who is told to stop has little patience."""


@contextlib.contextmanager
def retreat(cut: asyncio.Event) -> Iterator[None]:
    """What is awaited inside is cancelled when `cut` comes, and the block is then left without an error."""
    entering, asked = asyncio.current_task(), 0
    assert entering is not None, "enter it in a task"

    async def cancel() -> None:
        nonlocal asked
        await cut.wait()
        while True:
            asked += 1
            entering.cancel()
            await asyncio.sleep(_TIDYING_SECONDS)

    watch = asyncio.create_task(cancel(), name="watch for a cut")
    try:
        yield
    except asyncio.CancelledError:
        if not asked or entering.cancelling() > asked:
            raise  # somebody else wants it too
    finally:
        watch.cancel()
        for _ in range(asked):
            entering.uncancel()
