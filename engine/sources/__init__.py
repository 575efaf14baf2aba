"""Where samples come from: one module for each kind of device, all behind `source.Source`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from engine.clock import Clock
from engine.errors import DeviceError
from engine.sources.patience import settle, started
from engine.sources.source import Answer, Candidate, ProcessCall, Reading, SlowCall, Source

__all__ = [
    "KINDS",
    "Answer",
    "Candidate",
    "ProcessCall",
    "Reading",
    "SlowCall",
    "Source",
    "find_sources",
    "open_sources",
]

KINDS = ("nvml", "simulated", "rapl")
FIRST_SECONDS = 10.0
"""Without persistence mode the driver takes seconds before it answers at all."""


def find_sources(
    kind: str, *, clock: Clock, gpus: Sequence[str] = (), occupancy: Path | None = None, seed: int = 0
) -> list[Candidate]:
    """The devices of `kind`; `gpus` (indices or UUIDs) chooses among several, none means all.

    Raises NoDevice, with what to do about it. Asking a device itself is left to its candidate's `open`, since
    a driver call may hang.
    """
    match kind:
        case "nvml":
            from engine.sources.nvml import find_nvml

            return find_nvml(gpus)
        case "simulated":
            from engine.sources.simulated import open_simulated, simulated_gpus

            simulated = [open_simulated(clock, occupancy, seed=seed, index=gpu) for gpu in simulated_gpus(occupancy)]
            return [Candidate(kind, gpu.index, partial(_itself, gpu)) for gpu in simulated]
        case "rapl":
            from engine.sources.rapl import open_rapl

            cpu = open_rapl()
            return [Candidate(kind, cpu.index, partial(_itself, cpu))]
        case _:
            raise ValueError(f"no source is called {kind!r}; there are {', '.join(KINDS)}")


def open_sources(
    kind: str, *, clock: Clock, gpus: Sequence[str] = (), occupancy: Path | None = None, seed: int = 0
) -> list[Source]:
    """All of those devices, open; raises NoDevice, and DeviceError when one of them does not answer in time."""
    found = find_sources(kind, clock=clock, gpus=gpus, occupancy=occupancy, seed=seed)
    opened = [started(candidate.open) for candidate in found]
    settle(opened, first=FIRST_SECONDS)
    for candidate, source in zip(found, opened, strict=True):
        if not source.done():
            what = f"GPU {candidate.index} does not answer: its driver call has not returned"
            raise DeviceError(what, remedy="see whether nvidia-smi answers; reset the GPU, or choose others")
    return [source.result() for source in opened]


def _itself(source: Source) -> Source:
    """The source that is open already: asking it cannot hang."""
    return source
