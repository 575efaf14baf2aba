"""Where samples come from: one module for each kind of device, all behind `source.Source`."""

from collections.abc import Sequence
from pathlib import Path

from engine.clock import Clock
from engine.sources.source import Reading, SlowCall, Source

__all__ = ["KINDS", "Reading", "SlowCall", "Source", "open_sources"]

KINDS = ("nvml", "simulated", "rapl")


def open_sources(
    kind: str, *, clock: Clock, gpus: Sequence[str] = (), occupancy: Path | None = None, seed: int = 0
) -> list[Source]:
    """The devices of `kind`; `gpus` (indices or UUIDs) chooses among several, none means all.

    Raises NoDevice, with what to do about it.
    """
    match kind:
        case "nvml":
            from engine.sources.nvml import open_nvml

            return list(open_nvml(gpus))
        case "simulated":
            from engine.sources.simulated import open_simulated

            return [open_simulated(clock, occupancy, seed=seed)]
        case "rapl":
            from engine.sources.rapl import open_rapl

            return [open_rapl()]
        case _:
            raise ValueError(f"no source is called {kind!r}; there are {', '.join(KINDS)}")
