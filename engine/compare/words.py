"""Verdicts in words that a hall understands: what differs, by how much, and between which bounds. Pure."""

from typing import NamedTuple


class _Words(NamedTuple):
    verb: str
    quantity: str
    less: str = "less"


_WORDS = {
    "joules_per_token": _Words("uses", "energy per token"),
    "joules_per_unit": _Words("uses", "energy per {unit}"),
    "joules_per_request": _Words("uses", "energy per request"),
    "tokens_per_second": _Words("gives", "tokens per second", "fewer"),
    "units_per_second": _Words("gives", "{units} per second", "fewer"),
    "ttft_p50_seconds": _Words("takes", "time to the first token"),
    "itl_p50_seconds": _Words("takes", "time between tokens"),
    "e2e_p50_seconds": _Words("takes", "time for a whole answer"),
    "seconds_to_finish": _Words("takes", "time for the same work"),
}

COMPARED = tuple(_WORDS)
"""The metrics that verdicts are about, in the order of their printing."""


def plural(unit: str) -> str:
    """Several of a unit: tokens, steps; symbols like MB stay as they are."""
    return unit if unit[-1:].isupper() or unit.endswith("s") else f"{unit}s"


def undecided(rounds: int) -> str:
    """What to say while the interval holds equality."""
    return f"too close to call after {rounds} rounds"


def sentence(metric: str, label: str, ratio: float, low: float, high: float, *, unit: str = "unit") -> str:
    """What to say of a decided ratio in `metric` and its 95 % bounds."""
    words = _WORDS[metric]
    quantity = words.quantity.format(unit=unit, units=plural(unit))
    if ratio >= 2:
        return f"{label} {words.verb} {ratio:.1f} times the {quantity} (95 % CI {_bounds(low, high, 1)})"
    change = 100 * abs(ratio - 1)
    nearest, farthest = sorted((100 * abs(low - 1), 100 * abs(high - 1)))
    word = "more" if ratio > 1 else words.less
    bounds = _bounds(nearest, farthest, max(_digits(nearest), _digits(farthest)))
    return f"{label} {words.verb} {change:.{_digits(change)}f} % {word} {quantity} (95 % CI {bounds})"


def _digits(percent: float) -> int:
    """Decimals that show a percentage, and that something is left of 100."""
    left = abs(100 - percent)
    if percent >= 10 and left >= 1:
        return 0
    return 1 if percent >= 0.1 and left >= 0.1 else 2


def _bounds(low: float, high: float, digits: int) -> str:
    """Two figures with as many decimals as it takes to tell them apart, three at most."""
    while digits < 3 and f"{low:.{digits}f}" == f"{high:.{digits}f}":
        digits += 1
    return f"{low:.{digits}f}–{high:.{digits}f}"
