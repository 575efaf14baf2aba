"""What every form of a recording says of it: where it comes from, and what a reader must be warned of."""

from typing import Any

from engine import __version__
from engine.recording import Recording


def about(recording: Recording) -> dict[str, Any]:
    """The run's metadata, as JSON has it. What is unknown is None."""
    start, stop = recording.start, recording.stop
    return {
        "format": "wattrace",
        "wattrace_version": __version__,
        "run": start.run,
        "utc": start.utc,
        "clock": "t_ns: nanoseconds since utc on CLOCK_MONOTONIC",
        "schema_version": start.schema_version,
        "simulated": start.simulated,
        **ending(recording),
        "seed": start.seed,
        "demo": start.demo,
        "arms": [arm.model_dump() for arm in start.arms],
        "provenance": start.provenance,
        "reason": stop.reason or None if stop else None,
    }


def ending(recording: Recording) -> dict[str, Any]:
    """Whether the run is there as a whole, and if not, why."""
    stop = recording.stop
    return {
        "complete": recording.cut_off is None and stop is not None and stop.exit_status == "success",
        "cut_off": recording.cut_off,
        "exit_status": stop.exit_status if stop else None,
    }


def simulated_words(recording: Recording) -> str | None:
    """What is simulated, as a warning; None where all is real."""
    found = [name for name, is_so in recording.start.simulated.items() if is_so]
    return f"SIMULATED {' and '.join(found)}" if found else None
