"""What came of races: the objects that `wattrace compare --json` prints, for one recording and for several."""

from engine.outcome.across import across
from engine.outcome.likeness import Difference, differences
from engine.outcome.single import Race, outcome, read_ledger, read_race, verdicts

__all__ = ["Difference", "Race", "across", "differences", "outcome", "read_ledger", "read_race", "verdicts"]
