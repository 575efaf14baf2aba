"""What watching cost, as a table, and what it can and cannot show."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from engine.ledger import Ledger
from server.tables import shown

_SIMULATED = (
    "Power is simulated: a simulated GPU says nothing of what reading a real one costs in watts, so no change of watts "
    "is told. Sampler, recorder, server and viewers are real: what they cost this machine's processors, and how far "
    "that delays tokens, is measured."
)
_REAL = "Watts are of the GPU alone: what sampling and serving cost the processors is not in them."
_CLOSE = (
    "CPU is the sampler's. Every way is compared with the sampler off, and with viewers with the same rate without; in "
    "brackets the 95 % interval. Viewers run on this machine, at low priority; real ones bring computers of their own. "
    "In every turn the first and the last half second are sampled at 100 Hz."
)


def print_findings(found: Sequence[Mapping[str, Any]], ledger: Ledger) -> None:
    """A row for each way of watching; every change with its 95 % interval."""
    console = Console(highlight=False)
    simulated = ledger.start.simulated if ledger.start else {}
    if any(simulated.values()):
        console.print(f"SIMULATED: {' and '.join(name for name, so in simulated.items() if so)}", style="bold reverse")
    table = Table(title="what watching costs", title_justify="left", box=SIMPLE, padding=(0, 1))
    for head in ("", "CPU, %", "ms a token", "p99, ms", "W"):
        table.add_column(head, justify="right" if head else "left", no_wrap=True)
    for each in found:
        row = [each["name"].replace(", ", "\n"), shown(each["sampler_cpu_percent"], 2)]
        for name, factor, digits in (("itl_mean_seconds", 1e3, 3), ("itl_p99_seconds", 1e3, 1), ("power_watts", 1, 1)):
            row.append(shown(_times(each[name], factor), digits) + _change(each, name))
        table.add_row(*row)
    console.print(table)
    console.print(f"{_SIMULATED if simulated.get('power') else _REAL} {_CLOSE}", markup=False)


def _change(each: Mapping[str, Any], name: str) -> str:
    """On a line of its own `+0.3 % (-0.1; +0.7)`; in brackets the 95 % interval. Empty where there is none."""
    found = (each["change_percent"] or {}).get(name)
    return "" if found is None else f"\n{found['value']:+.1f} % ({found['low']:+.1f}; {found['high']:+.1f})"


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
