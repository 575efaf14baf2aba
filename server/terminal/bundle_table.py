"""What `wattrace import` prints of other tools' bundles, and `compare` before it compares them."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from engine.bundles import Bundle
from server.tables import DASH, shown

_FIGURES = (
    ("tokens", "tokens", 0),
    ("tokens/s", "tokens_per_second", 1),
    ("J/token", "joules_per_token", 4),
    ("energy, J", "energy_joules", 1),
    ("energy above idle, J", "energy_above_idle_joules", 1),
    ("uncertainty, J", "uncertainty_joules", 2),
    ("seconds", "seconds", 1),
)


def print_bundles(bundles: Sequence[Bundle], *, title: str = "measured by other tools") -> None:
    """Their figures side by side, and below how each came about."""
    console = Console(highlight=False)
    if any(any(bundle.start.simulated.values()) for bundle in bundles):
        console.print("SIMULATED", style="bold reverse")
    table = Table(title=title, title_justify="left")
    table.add_column("")
    found = [bundle.outcome()["arms"][0] for bundle in bundles]
    for number, arm in enumerate(found, start=1):
        table.add_column(f"{number}  {arm['name']}", justify="right")
    for words, name, digits in _FIGURES:
        table.add_row(words, *(shown(arm[name], digits) for arm in found))
    table.add_row("power, W (mean)", *(shown(arm["power_watts"]["mean"], 1) for arm in found))
    console.print(table)
    for number, (bundle, arm) in enumerate(zip(bundles, found, strict=True), start=1):
        told = arm["measured"]
        stored = f"; stored at {told['stored_hz']:g} Hz" if told["stored_hz"] else ""
        console.print(f"{number}: {bundle.path}: {told['by']}: {told['method'] or DASH}{stored}", markup=False)
        for reason in arm["reasons"]:
            console.print(f"   {reason}", markup=False)
