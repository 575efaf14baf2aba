"""What a kilowatt-hour costs, as somebody says. Pure."""

from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import ConfigError
from engine.footprint.amount import told


@dataclass(frozen=True)
class Price:
    """The price of a kilowatt-hour with its range, and who says so."""

    per_kwh: float
    low: float
    high: float
    currency: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def price_told(text: str, *, where: str = "--price") -> Price:
    """A price or a range of them, and who says so: `0.25 EUR`, `0.2-0.3 EUR, our contract 2026`.

    Raises ConfigError for anything else.
    """
    try:
        given = told(text)
        if not given.unit or len(given.unit) > 8:
            raise ValueError("no currency")
    except ValueError as error:
        problem = f"{text!r} is no price of a kilowatt-hour"
        remedy = "0.25 EUR, or '0.2-0.3 EUR, our contract 2026'"
        raise ConfigError(file="price", where=where, problem=problem, remedy=remedy) from error
    return Price(given.value, given.low, given.high, given.unit, given.source or f"given with {where}")
