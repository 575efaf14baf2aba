"""What came of one race, as `wattrace compare --json` prints it."""

from typing import Any

from engine.compare import COMPARED, Verdict
from engine.documents import Start, Stop
from engine.ledger.ledger import Ledger

METHOD = 5
"""How figures are worked out. It rises with every change that makes another number of the same samples, and recordings
have it (`figures_method`), so that a check tells another method from wrong figures. 1: until it was recorded. 3: what a
reset leaves open is in the uncertainty, and a device that has fallen silent is not measured to the end. 4: what nobody
heard of is open or unknown, the counter is compared piece by piece, and a contradicted energy counts in no sum. 5: what
may go inside a tick of the counter is told anew, and stated with 1.7 standard deviations in place of 1.8."""


def verdicts(ledger: Ledger) -> list[Verdict]:
    """Every contender against the first arm, in every metric that is known."""
    return [verdict for metric in COMPARED for verdict in ledger.verdicts(metric)]


def closed(ledger: Ledger, stop: Stop) -> Stop:
    """Enter `stop`, and give it back with what came of the run: it is what the recording ends with."""
    ledger.add(stop)
    said = [verdict.as_dict() for verdict in verdicts(ledger)] if ledger.arms else []
    return stop.model_copy(update={"arms": ledger.summaries(rounds=True), "verdicts": said})


def told(start: Start, stop: Stop) -> dict[str, Any]:
    """The outcome of a whole run as its own stop tells it; `outcome` of all its documents is the same."""
    return {
        "run": start.run,
        "demo": start.demo.get("name"),
        "complete": stop.exit_status == "success",
        "reason": stop.reason or None,
        "simulated": any(start.simulated.values()),
        "arms": stop.arms,
        "verdicts": stop.verdicts,
    }


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
        "verdicts": [verdict.as_dict() for verdict in verdicts(ledger)] if ledger.arms else [],
    }
