"""What a check-up finds: how bad it is, and what to do."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]
"""`problem`: the demo cannot race now. `warning`: it can, and something about it will be doubtful."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. What is not ok has a remedy; what is ok may have a tip there."""

    check: str
    level: Level
    text: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.level != "ok" and not self.remedy:
            raise ValueError(f"{self.text!r} is a {self.level} without a remedy")

    def as_dict(self) -> dict[str, str]:
        """The fields, as JSON has them."""
        return asdict(self)


@dataclass(frozen=True)
class Refusal:
    """Why a device cannot be had, in words, and what to do."""

    what: str
    remedy: str


def could_race(findings: Iterable[Finding]) -> bool:
    """Whether nothing stands in the way."""
    return all(finding.level != "problem" for finding in findings)


def counted(number: int, noun: str) -> str:
    """`1 GPU`, `2 GPUs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
