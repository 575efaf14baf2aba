"""What stands beside others in a comparison: a race of ours, or what another tool has measured."""

from pathlib import Path
from typing import Any, Protocol

from engine.documents import Start


class Comparable(Protocol):
    """Arms with their figures; what is unknown is None."""

    @property
    def path(self) -> Path:
        """Where it was read from."""

    @property
    def start(self) -> Start:
        """What it was about and ran on, as a recording's first document says it."""

    def outcome(self) -> dict[str, Any]:
        """What came of it, as JSON has it."""

    def summary(self, letter: str) -> dict[str, Any]:
        """The figures of arm `letter`, as an arm's summary has them."""

    def values(self, letter: str, metric: str) -> list[float | None]:
        """The figure called `metric` of each of its rounds; None where it is unknown."""

    def measured(self, letter: str) -> dict[str, Any]:
        """How the energy of arm `letter` came about: `by` whom, the `method`, and `sampling_hz`."""
