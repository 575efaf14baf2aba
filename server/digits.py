"""Figures in words: as many digits as their ranges leave certain, and units that suit all arms alike. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.footprint import Estimate
from server.tables import DASH

_STEPS = (("mJ", 1e3), ("J", 1.0), ("kJ", 1e-3))
_MOST_SHOWN = 9999.5


@dataclass(frozen=True)
class Scale:
    """A unit of energy, and how many of it are a joule."""

    unit: str
    factor: float


def scale(joules: Iterable[float | None]) -> Scale:
    """The finest unit in which none of these has more than four digits before its point."""
    largest = max((value for value in joules if value is not None), default=0.0)
    unit, factor = next(((unit, factor) for unit, factor in _STEPS if largest * factor < _MOST_SHOWN), _STEPS[-1])
    return Scale(unit, factor)


def ranged(estimate: Estimate | None, factor: float = 1.0) -> tuple[str, str]:
    """The value and its range, each as text: (`673.99`, `673.98 to 674.01`); the range is empty where there is none."""
    if estimate is None:
        return DASH, ""
    value = estimate.value * factor
    if estimate.low is None or estimate.high is None:
        return significant(value), ""
    low, high = estimate.low * factor, estimate.high * factor
    digits = _digits((high - low) / 2, value, low)
    return f"{value:,.{digits}f}", f"{low:,.{digits}f} to {high:,.{digits}f}"


def significant(value: float, digits: int = 4) -> str:
    """`value` with so many significant digits, never as a power of ten."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    after = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(after, 12)}f}"


def _digits(half: float, value: float, low: float) -> int:
    """After the point: two digits of the half range, at most five of the value; the low end never shows as 0."""
    if value <= 0:
        return 0
    most = 4 - math.floor(math.log10(value))
    wanted = 1 - math.floor(math.log10(half)) if half > 0 else most
    least = -math.floor(math.log10(low)) if low > 0 else 0
    return max(0, least, min(wanted, most, 12))


def change(low: float | None, high: float | None, ratio: float) -> str:
    """A ratio with its bounds: `0.158 (0.156 to 0.161)`."""
    if low is None or high is None:
        return significant(ratio, 3)
    return f"{significant(ratio, 3)} ({significant(low, 3)} to {significant(high, 3)})"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
