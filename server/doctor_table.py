"""What `wattrace doctor` prints for people: a line for each finding with its fix, and each sensor's figures."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.doctor import Examination, device_name
from engine.doctor.checkup import Finding

DASH = "—"
_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}


def print_examination(found: Examination) -> None:
    """All of it, and whether the demo could race now."""
    console = Console(highlight=False)
    console.print(_findings(found.findings))
    if found.gpus:
        console.print()
        console.print(_figures(found.gpus))
    console.print()
    if found.ok:
        console.print(f"{found.demo} could race now.", markup=False)
    else:
        simulate = f"wattrace demo {found.demo} --simulate"
        console.print(f"{found.demo} could not race now. Simulated, it could: {simulate}", markup=False)


def _findings(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        sign, style = _SIGNS[finding.level]
        text = Text(finding.text)
        if finding.remedy:
            text.append(f"\n→ {finding.remedy}", style="bold")
        table.add_row(Text(f"{sign} {finding.level}", style=style), finding.check, text)
    return table


def _figures(gpus: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for gpu in gpus:
        name = device_name(gpu["source"], gpu["device"])
        table.add_column(f"{name}  {gpu['device'].get('name') or ''}".strip(), justify="right")
    for name, show in _ROWS:
        table.add_row(name, *(show(gpu["sensor"]) for gpu in gpus))
    return table


def _renewed(field: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda sensor: _number(sensor["period_ms"][field], 1)


def _apart(field: str) -> Callable[[Mapping[str, Any]], str]:
    def show(sensor: Mapping[str, Any]) -> str:
        percent = sensor["disagreement_percent"][field]
        return DASH if percent is None else f"{percent:+.1f}"

    return show


def _own(name: str, digits: int) -> Callable[[Mapping[str, Any]], str]:
    return lambda sensor: _number(sensor["sampler"][name], digits)


_ROWS: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("readings a second", lambda sensor: _number(sensor["achieved_hz"], 1)),
    ("different instant readings a second", lambda sensor: _number(sensor["instant_per_second"], 1)),
    ("different counter readings a second", lambda sensor: _number(sensor["counter_per_second"], 1)),
    ("instant power renewed every, ms", _renewed("power_instant")),
    ("average power renewed every, ms", _renewed("power_average")),
    ("energy counter renewed every, ms", _renewed("energy_counter")),
    ("instant against counter, %", _apart("instant")),
    ("average against counter, %", _apart("average")),
    ("one driver call, µs", _own("call_us_p50", 0)),
    ("late by, µs (half of the readings)", _own("late_us_p50", 0)),
    ("late by, µs (99 of 100)", _own("late_us_p99", 0)),
    ("cost of sampling, % of a core", _own("cpu_percent", 1)),
)


def _number(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:,.{digits}f}"
