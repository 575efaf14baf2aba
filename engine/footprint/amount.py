"""Numbers as people tell them to us: `56`, `40-80`, with who says so behind a comma. Pure."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """A number that somebody gave, its range (the number twice where none was given), and the words around it."""

    value: float
    low: float
    high: float
    unit: str
    source: str


def told(text: str) -> Told:
    """From `NUMBER[-NUMBER] [UNIT][, SOURCE]`; of a range the middle is the number.

    Raises ValueError for anything else, for what is negative, and for a range that falls.
    """
    amount, _, source = text.partition(",")
    number, _, unit = amount.strip().partition(" ")
    first, dash, last = number.partition("-")
    low = _positive(first)
    high = _positive(last) if dash else low
    if high < low:
        raise ValueError(f"{number} falls")
    return Told((low + high) / 2, low, high, unit.strip(), source.strip())


def _positive(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{text} is not a number from 0")
    return value
