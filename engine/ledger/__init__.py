"""The ledger of a run: documents in, figures and verdicts out."""

from engine.ledger.ledger import Ledger
from engine.ledger.outcome import METHOD, closed, outcome, told, verdicts
from engine.ledger.standings import RoundInfo, Standings

__all__ = ["METHOD", "Ledger", "RoundInfo", "Standings", "closed", "outcome", "told", "verdicts"]
