"""What is asked of `wattrace measure`, and what came of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

RATE_HZ = 1000
FAULT = 70
"""The status after a fault of our own: EX_SOFTWARE of sysexits.h."""


@dataclass(frozen=True)
class Request:
    """What to measure: a command, else so many seconds, else until told to stop. See `wattrace measure --help`."""

    seconds: float | None = None
    command: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    rate_hz: int = RATE_HZ
    out: Path | None = None
    simulate: bool = False

    @property
    def undone(self) -> str:
        """What to say when it came to nothing."""
        return "the command was not run" if self.command else "nothing was measured"


@dataclass
class Outcome:
    """What to print and how to exit; `result` is None when nothing was measured, and `problems` say why."""

    exit_code: int = 0
    status: Literal["success", "abort", "fail"] = "success"
    """How the recording ends."""
    result: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)
    fault: Exception | None = None
    """A fault of our own that ended it; `problems` tell it too."""
