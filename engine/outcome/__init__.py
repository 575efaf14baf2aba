"""What came of races: the objects that `wattrace compare --json` prints, for one recording and for several."""

from engine.outcome.across import across
from engine.outcome.comparable import Comparable
from engine.outcome.likeness import Difference, differences, facts
from engine.outcome.single import Race, outcome, read_ledger, read_race, verdicts

__all__ = [
    "Comparable",
    "Difference",
    "Race",
    "across",
    "differences",
    "facts",
    "outcome",
    "read_ledger",
    "read_race",
    "verdicts",
]
