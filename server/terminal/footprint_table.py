"""Carbon and cost on the terminal: estimates, with their ranges and where the numbers come from."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from engine.footprint import ABOUT, Electricity, footprint
from server.digits import ranged, significant


def print_footprint(arms: Sequence[dict[str, Any]], electricity: Electricity) -> None:
    """A row for a thousand tokens and one for a thousand answers of each arm; nothing where nothing is known."""
    if not electricity:
        return
    console = Console(highlight=False)
    table = Table(title="carbon and cost, estimated", title_justify="left")
    currency = electricity.price.currency if electricity.price else ""
    for head in (
        "",
        "energy, Wh",
        *(["g CO2e"] if electricity.grid else []),
        *([f"cost, {currency}"] if currency else []),
    ):
        table.add_column(head, justify="right" if head else "left")
    for each in footprint(arms, electricity):
        known = [(each.joules, 1 / 3600), (each.grams_co2e, 1.0), (each.money, 1.0)]
        cells = [ranged(estimate, factor) for estimate, factor in known if estimate is not None]
        shown = [value + f" ({between})" * bool(between) for value, between in cells]
        table.add_row(f"{each.label}, {each.of}", *shown)
    console.print(table)
    console.print(electricity_words(electricity), markup=False)


def electricity_words(electricity: Electricity) -> str:
    """Whose electricity, at what price, who says so and for which year, and what the estimates are not about."""
    words = []
    if grid := electricity.grid:
        place, year = f" in {grid.place}" * bool(grid.place), f", {grid.year}" * bool(grid.year)
        between = f" ({significant(grid.low, 3)} to {significant(grid.high, 3)})" * (grid.high > grid.low)
        words.append(
            f"Electricity{place}: {significant(grid.grams_per_kwh, 3)}{between} g CO2e/kWh ({grid.source}{year})."
        )
    if price := electricity.price:
        between = f" ({significant(price.low, 3)} to {significant(price.high, 3)})" * (price.high > price.low)
        words.append(f"Price: {significant(price.per_kwh, 3)}{between} {price.currency}/kWh ({price.source}).")
    return " ".join([*words, ABOUT])
