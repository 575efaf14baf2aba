"""The turns of a race: who takes them, in which order, and what happens around them."""

from engine.turns.entrant import Entrant
from engine.turns.turns import Turns

__all__ = ["Entrant", "Turns"]
