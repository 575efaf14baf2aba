"""Viewers that come, watch for a moment, and leave: `python bench/viewers.py URL [COUNT]`, until it is ended."""

import asyncio
import os
import random
import sys
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

COUNT = 50
STAY_SECONDS = (0.5, 3.0)
AWAY_SECONDS = (0.05, 0.5)


async def main(url: str, count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(come_and_go(url, random.Random(number)))


async def come_and_go(url: str, chance: random.Random) -> None:
    """One seat of the hall, taken by one viewer after another."""
    while True:
        # The server is slow, ended, or has no seat: come again.
        with suppress(OSError, WebSocketException, TimeoutError):
            await watch(url, chance.uniform(*STAY_SECONDS))
        await asyncio.sleep(chance.uniform(*AWAY_SECONDS))


async def watch(url: str, seconds: float) -> None:
    """Reads and throws away. Never acks: such a viewer is the server's worst case."""
    async with connect(url, compression=None) as viewer:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for _ in viewer:
                    pass


if __name__ == "__main__":
    # Real viewers have computers of their own: these give way to whatever is measured.
    os.nice(15)
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else COUNT))
