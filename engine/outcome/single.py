"""What came of one race."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.compare import COMPARED, Verdict
from engine.documents import Start
from engine.errors import RecordingError
from engine.ledger import Ledger
from engine.recording import Reader


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


def read_ledger(path: Path) -> tuple[Ledger, str | None]:
    """The ledger of the recording in `path`, and why it is not whole (None if it is)."""
    ledger, reader = Ledger(), Reader(path)
    for document in reader:
        ledger.add(document)
    if ledger.start is None:
        raise RecordingError(path, "holds no documents" + (": it was cut off in its first line" * reader.broken_tail))
    return ledger, reader.cut_off


def read_race(path: Path) -> Race:
    """The race in `path`. Raises RecordingError for a file that is none."""
    ledger, cut_off = read_ledger(path)
    if not ledger.arms:
        raise RecordingError(path, "has no arms to compare: it is the recording of a measurement")
    return Race(path, ledger, cut_off)


def verdicts(ledger: Ledger) -> list[Verdict]:
    """Every contender against the first arm, in every metric that is known."""
    return [verdict for metric in COMPARED for verdict in ledger.verdicts(metric)]


def outcome(ledger: Ledger, cut_off: str | None) -> dict[str, Any]:
    """Each arm's summary and every verdict; `complete` is false for a race that was cut off or ended early."""
    start = ledger.start
    assert start is not None, "a ledger of a recording has a start"
    return {
        "run": start.run,
        "demo": start.demo.get("name"),
        "complete": cut_off is None and ledger.stop is not None and ledger.stop.exit_status == "success",
        "reason": cut_off or ledger.reason or None,
        "simulated": any(start.simulated.values()),
        "arms": ledger.summaries(rounds=True),
        "verdicts": [verdict.as_dict() for verdict in verdicts(ledger)],
    }
