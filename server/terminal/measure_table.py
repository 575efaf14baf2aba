"""What `wattrace measure` prints for people: a small table, and every sentence that belongs to its figures."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from engine.validity import Reason
from server.tables import shown

_METHODS = {
    "counter": "energy counter",
    "integral_instant": "instant power, integrated",
    "integral_average": "average power, integrated",
}


def say_measuring(seconds: float | None) -> None:
    """The window has begun: one line for whoever waits at a terminal."""
    if sys.stderr.isatty() or seconds is None:
        until = "until Ctrl-C" if seconds is None else f"for {seconds:g} s; Ctrl-C ends it before"
        print(f"measuring {until}", file=sys.stderr, flush=True)


def print_measured(result: dict[str, Any], *, on_stderr: bool) -> None:
    """The table, on stderr when stdout is a measured command's own."""
    console = Console(stderr=on_stderr, highlight=False)
    if result["simulated"]:
        console.print("SIMULATED: the GPU and its watts", style="bold reverse")
    console.print(_table(result["gpus"]))
    for gpu in result["gpus"]:
        for line in _sentences(gpu):
            console.print(line, markup=False, soft_wrap=True)
    for warning in result["warnings"]:
        console.print(f"warning: {warning}", markup=False, soft_wrap=True)


def _table(gpus: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("GPU", "energy, J", "±", "mean, W", "seconds", "how"):
        table.add_column(head, justify="left" if head in {"GPU", "how"} else "right")
    for gpu in gpus:
        table.add_row(
            f"{gpu['index']} {gpu['name'] or ''}",
            shown(gpu["energy_joules"], 2),
            shown(gpu["uncertainty_joules"], 2),
            shown(gpu["mean_watts"], 1),
            shown((gpu["end_ns"] - gpu["start_ns"]) / 1e9, 3),
            _METHODS.get(gpu["method"], "unknown") + ("" if gpu["valid"] else ", NOT VALID"),
        )
    joules = [gpu["energy_joules"] for gpu in gpus]
    if len(gpus) > 1 and None not in joules:
        table.add_row("all", shown(sum(joules), 2))
    return table


def _sentences(gpu: dict[str, Any]) -> list[str]:
    """What must be said of one GPU's figures, and how its sensors compare."""
    lines = [f"GPU {gpu['index']}: {code}: {_sentence(code)}" for code in gpu["reasons"]]
    checks = {name.removesuffix("_joules"): joules for name, joules in gpu["cross_checks"].items()}
    known = ", ".join(f"{name} {shown(joules, 2)}" for name, joules in checks.items() if joules is not None)
    if known:
        rate = f"; {shown(gpu['achieved_hz'], 0)} samples/s"
        lines.append(f"GPU {gpu['index']}: joules by each sensor: {known}{rate}")
    return lines


def _sentence(code: str) -> str:
    return Reason(code).sentence if code in set(Reason) else ""
