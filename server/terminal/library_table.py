"""What `wattrace list` and `prune` print."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from engine.library import Entry, Plan
from server.tables import DASH

_UNITS = ("B", "kB", "MB", "GB", "TB")


def print_library(entries: Sequence[Entry], folder: Path) -> None:
    """Two lines for each recording, and how much they are together."""
    console = Console(highlight=False, soft_wrap=True)
    for entry in entries:
        lasted = DASH if entry.seconds is None else f"{entry.seconds:,.0f} s"
        when = entry.when.strftime("%Y-%m-%d %H:%M")
        marks = ["SIMULATED" * bool(entry.simulated), "kept" * entry.kept]
        state = ", ".join([entry.state, *filter(None, marks)])
        name = entry.run or entry.path.name
        console.print(Text.assemble(f"{when}  {size(entry.bytes):>9}  {lasted:>8}  ", (name, "bold"), f"  {state}"))
        about = f"{entry.demo or DASH} on {entry.gpu or DASH}" if entry.run else entry.problem or ""
        console.print(f"{'':18}{about}", markup=False)
    total = sum(entry.bytes for entry in entries)
    console.print(f"{_recordings(len(entries))}, {size(total)}, in {folder}", markup=False)


def print_plan(plan: Plan, *, deleted: Sequence[Path] | None) -> None:
    """What would go and why; `deleted` is what went, None where nobody said --yes."""
    console = Console(highlight=False)
    for entry, why in plan.going:
        verb = "would delete" if deleted is None else "deleted" if entry.path in deleted else "left, it has changed:"
        console.print(f"{verb} {entry.path} ({size(entry.bytes)}): {why}", markup=False, soft_wrap=True)
    if plan.too_much_bytes:
        console.print(f"still {size(plan.too_much_bytes)} over the limit: the rest is kept, or cannot be judged")
    verb = "would be" if deleted is None else "are"
    console.print(f"{_recordings(len(plan.going))}, {size(plan.bytes_freed)}; {size(plan.bytes_left)} {verb} left")
    if deleted is None and plan.going:
        console.print("nothing was deleted; --yes deletes")


def _recordings(count: int) -> str:
    return "1 recording" if count == 1 else f"{count} recordings"


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """The plan, as JSON has it."""
    return {
        "going": [{**entry.as_dict(), "why": why} for entry, why in plan.going],
        "bytes_freed": plan.bytes_freed,
        "bytes_left": plan.bytes_left,
        "too_much_bytes": plan.too_much_bytes,
    }


def size(count: float) -> str:
    """`count` bytes, in a unit that suits."""
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_UNITS[-1]}"
