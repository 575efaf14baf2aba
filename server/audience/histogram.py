"""A histogram that a hall can read: about a dozen bars with round edges, whatever was guessed. Pure."""

import math
from collections.abc import Sequence
from typing import Any

MOST_BARS, _FEWEST_BARS = 12, 5
_SHARE = 0.05
"""So many of the guesses at either end may lie outside: one joker must not press all others into one bar."""
_STEPS = (1, 2, 2.5, 5, 10)


def histogram(values: Sequence[float], also: Sequence[float | None] = ()) -> dict[str, Any] | None:
    """Counts between round edges; None without values. The range has `also` in it, as far as that is known.

    `edges` is one longer than `counts`. The first and the last bar also count what lies beyond them: so many as
    `below` and `above` say.
    """
    if not values:
        return None
    ordered = sorted(values)
    cut = math.floor(len(ordered) * _SHARE)
    shown = [ordered[cut], ordered[-1 - cut], *(value for value in also if value is not None)]
    edges = _edges(min(shown), max(shown))
    counts = [0] * (len(edges) - 1)
    for value in ordered:
        place = math.floor((value - edges[0]) / (edges[1] - edges[0]))
        counts[min(max(place, 0), len(counts) - 1)] += 1
    below = sum(value < edges[0] for value in ordered)
    return {"edges": edges, "counts": counts, "below": below, "above": sum(value >= edges[-1] for value in ordered)}


def _edges(low: float, high: float) -> list[float]:
    """At least one bar, at most MOST_BARS, on multiples of a round step, with `low` and `high` inside."""
    step = _step(max(high - low, abs(high) * 0.01, 1.0))
    first, last = math.floor(low / step), math.floor(high / step) + 1
    while last - first < _FEWEST_BARS:  # a lone bar across the whole screen says nothing
        first, last = (first - 1 if first != 0 else first), last + 1
    return [round(number * step, 6) for number in range(first, last + 1)]


def _step(span: float) -> float:
    """The smallest round step of which MOST_BARS - 1 cover `span`, wherever it begins."""
    least = span / (MOST_BARS - 2)
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _STEPS if step * power >= least)
