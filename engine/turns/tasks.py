"""Tasks that end together: the first error, a word to go on, or a cancellation takes the rest along."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any


async def all_of(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at once; the first error ends the rest."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        await cancelled(tasks)


async def cut_short(work: Coroutine[Any, Any, None], cut: asyncio.Event) -> bool:
    """Do it until it is done, or until `cut`; whether it was cut. Raises what it raises."""
    doing, cutting = asyncio.create_task(work), asyncio.create_task(cut.wait())
    try:
        await asyncio.wait({doing, cutting}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
        return not doing.done()
    finally:
        await cancelled([doing, cutting])


async def cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel them, and wait until they are gone."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
