"""What came of a race: the object that `wattrace compare --json` prints."""

from pathlib import Path
from typing import Any

from engine.errors import RecordingError
from engine.ledger import Ledger
from engine.recording import Reader

METRICS = ("joules_per_token", "tokens_per_second")


def read_ledger(path: Path) -> tuple[Ledger, str | None]:
    """The ledger of the recording in `path`, and why it is not whole (None if it is)."""
    ledger, reader = Ledger(), Reader(path)
    for document in reader:
        ledger.add(document)
    if ledger.start is None:
        raise RecordingError(path, "holds no documents" + (": it was cut off in its first line" * reader.broken_tail))
    return ledger, reader.cut_off


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
        "arms": ledger.summaries(),
        "verdicts": [verdict.as_dict() for metric in METRICS for verdict in ledger.verdicts(metric)],
    }
