"""What came of one race."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.clock import NS
from engine.documents import Start
from engine.errors import RecordingError
from engine.ledger import Ledger, outcome, verdicts
from engine.recording import read_ledger

__all__ = ["Race", "outcome", "read_ledger", "read_race", "verdicts"]


@dataclass(frozen=True)
class Race:
    """A recording that was read: its ledger, and why it is not whole (None if it is)."""

    path: Path
    ledger: Ledger
    cut_off: str | None

    @property
    def start(self) -> Start:
        """Its first document."""
        assert self.ledger.start is not None, "a ledger of a recording has a start"
        return self.ledger.start

    def outcome(self) -> dict[str, Any]:
        """What came of it, as JSON has it."""
        return outcome(self.ledger, self.cut_off)

    def summary(self, letter: str) -> dict[str, Any]:
        """The figures of arm `letter`."""
        return next(summary for summary in self.ledger.summaries() if summary["label"] == letter)

    def values(self, letter: str, metric: str) -> list[float | None]:
        """The figure called `metric` of each finished round of arm `letter`; None where it is unknown."""
        return self.ledger.values(letter, metric)

    def measured(self, letter: str) -> dict[str, Any]:
        """How the energy of arm `letter` came about: by whom, how, and how often the sensor was read."""
        books, rig = self.ledger.arms[letter], self.ledger.rig
        spans = [figures.steady.energy for figures in books.round_figures(self.ledger.newest_t_ns)]
        methods = dict.fromkeys(str(energy.method) for energy in spans if energy is not None)
        told = [rig.descriptors[name] for name in rig.streams_of(books.info) if name in rig.descriptors]
        period_ns = next((descriptor.nominal_period_ns for descriptor in told), None)
        return {
            "by": "wattrace",
            "method": " and ".join([*dict.fromkeys(d.source for d in told), *methods]) if methods else None,
            "sampling_hz": NS / period_ns if period_ns else None,
        }


def read_race(path: Path) -> Race:
    """The race in `path`. Raises RecordingError for a file that is none."""
    ledger, cut_off = read_ledger(path)
    if not ledger.arms:
        raise RecordingError(path, "has no arms to compare: it is the recording of a measurement")
    return Race(path, ledger, cut_off)
