"""Joules of answers and tokens as grams of CO2e and as money. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.compare import plural
from engine.footprint.estimate import Estimate, energy_estimates
from engine.footprint.grid import Grid
from engine.footprint.price import Price

JOULES_PER_KWH = 3.6e6
THOUSAND = 1000

ABOUT = (
    "Of the measured devices' energy only: not of the rest of the machine, its cooling, or the making of either. "
    "An estimate: its range is that of the energy (95 %) at both ends of the grid's or the price's."
)


@dataclass(frozen=True)
class Electricity:
    """What is known of the electricity: its carbon, its price, or neither."""

    grid: Grid | None = None
    price: Price | None = None

    def __bool__(self) -> bool:
        return self.grid is not None or self.price is not None


@dataclass(frozen=True)
class Footprint:
    """What a thousand answers, or tokens, of one arm come to; None where there is no grid, or no price."""

    label: str
    of: str
    joules: Estimate
    grams_co2e: Estimate | None
    money: Estimate | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "arm": self.label,
            "of": self.of,
            "energy_joules": self.joules.as_dict(),
            "grams_co2e": self.grams_co2e and self.grams_co2e.as_dict(),
            "money": self.money and self.money.as_dict(),
        }


def with_footprint(outcome: dict[str, Any], electricity: Electricity) -> dict[str, Any]:
    """What `compare --json` prints, with a `footprint` for each recording where anything is known of electricity."""
    if not electricity or outcome.get("imported"):  # other tools do not tell what an estimate needs
        return outcome
    if "files" in outcome:
        return {**outcome, "files": [with_footprint(each, electricity) for each in outcome["files"]]}
    return {**outcome, "footprint": footprint_told(footprint(outcome["arms"], electricity), electricity)}


def footprint_told(found: Iterable[Footprint], electricity: Electricity) -> dict[str, Any]:
    """As JSON has it, with where the grid's and the price's numbers come from."""
    return {
        "grid": electricity.grid and electricity.grid.as_dict(),
        "price": electricity.price and electricity.price.as_dict(),
        "about": ABOUT,
        "arms": [each.as_dict() for each in found],
    }


def footprint(arms: Iterable[Mapping[str, Any]], electricity: Electricity) -> list[Footprint]:
    """Of a thousand answers and a thousand tokens (or other units) of each arm, where their energy is known.

    `arms` are summaries with their rounds, as `compare --json` has them.
    """
    found = []
    for arm in arms:
        for of, one in energy_estimates(arm).items():
            things = plural(arm["unit"]) if of == "unit" else f"{of}s"
            joules = one.times(THOUSAND)
            grams, money = _grams(joules, electricity.grid), _money(joules, electricity.price)
            found.append(Footprint(arm["label"], f"{THOUSAND:,} {things}", joules, grams, money))
    return found


def _grams(joules: Estimate, grid: Grid | None) -> Estimate | None:
    if grid is None:
        return None
    return joules.times(*(grams / JOULES_PER_KWH for grams in (grid.grams_per_kwh, grid.low, grid.high)))


def _money(joules: Estimate, price: Price | None) -> Estimate | None:
    if price is None:
        return None
    return joules.times(*(amount / JOULES_PER_KWH for amount in (price.per_kwh, price.low, price.high)))
