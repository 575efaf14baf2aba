"""Arithmetic with figures that may be unknown: None goes in, and None comes out rather than a wrong number. Pure."""

from collections.abc import Iterable, Sequence

from engine.documents import Cell


def number(cell: Cell) -> float | None:
    """A page's cell as a number; None for text and for what is missing."""
    return float(cell) if isinstance(cell, int | float) else None


def numbers(cells: Sequence[Cell]) -> Sequence[float | None]:
    """Each of a column's cells as a number; as they are where all of them are floats."""
    return cells if set(map(type, cells)) == {float} else [number(cell) for cell in cells]  # type: ignore[return-value]  # floats


def total(values: Sequence[float | None]) -> float | None:
    """The sum; None when one of them is unknown, or there are none."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def weighted_mean(values: Iterable[tuple[float | None, float | None]]) -> float | None:
    """The mean of those that are known, each with its weight; None when nothing is known that weighs anything."""
    known = [(value, weight) for value, weight in values if value is not None and weight]
    weights = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / weights if weights else None


def rounded(value: float | None, digits: int) -> float | None:
    """`value` with so many digits after the point."""
    return None if value is None else round(value, digits)
