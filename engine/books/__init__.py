"""An arm's books: rounds and requests in, steady-state and total figures out."""

from engine.books.arm import ArmBooks
from engine.books.figures import ArmFigures, Percentiles, RoundFigures, Span, over, percentiles
from engine.books.flow import Flow
from engine.books.instruments import NOT_ATTRIBUTABLE, Flag, Instruments, attributable
from engine.books.round import RoundBooks
from engine.books.spread import Spread
from engine.books.summary import summary

__all__ = [
    "NOT_ATTRIBUTABLE",
    "ArmBooks",
    "ArmFigures",
    "Flag",
    "Flow",
    "Instruments",
    "Percentiles",
    "RoundBooks",
    "RoundFigures",
    "Span",
    "Spread",
    "attributable",
    "over",
    "percentiles",
    "summary",
]
