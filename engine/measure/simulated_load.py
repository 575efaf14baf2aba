"""A seeded load for a simulated GPU that no arm works on, so that there is something to see."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

from engine.errors import NoDevice
from engine.occupancy import Load, Occupancy


def refuse_unknown(gpus: Sequence[str], seed: int) -> None:
    """There is one simulated GPU."""
    for name in gpus:
        if name not in {"0", f"SIM-{seed}"}:
            raise NoDevice(f"no simulated GPU is called {name!r}", remedy=f"there is 0 (SIM-{seed})")


@contextlib.asynccontextmanager
async def simulated_load(seed: int) -> AsyncIterator[Path]:
    """Publish a load that comes and goes; gives the occupancy file that the simulated GPU is to read."""
    with tempfile.TemporaryDirectory(prefix="wattrace-") as folder:
        path = Path(folder) / "occupancy"
        occupancy = Occupancy.create(path)
        playing = asyncio.create_task(_play(occupancy, Random(seed)), name="simulated load")
        try:
            yield path
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            occupancy.close()


async def _play(occupancy: Occupancy, random: Random) -> None:
    """Bursts of requests as a server has them: a prefill, then decoding, then a rest."""
    while True:
        running = random.randint(1, 16)
        for share, compute, seconds in ((0.4, 0.9, 0.05), (0.8, running / 64, random.uniform(0.1, 0.7)), (0, 0, 0.15)):
            busy = running if share else 0
            occupancy.write(0, Load(busy, 0, memory_share=share, compute_share=compute))
            await asyncio.sleep(seconds)
