"""What `wattrace doctor` prints for people: a line for each finding with its fix, and each sensor's figures."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.doctor import Examination, Finding, device_name
from engine.doctor.findings import counted
from server.tables import DASH, shown

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}
_ARMS = {"vllm", "arguments", "model", "hub", "memory", "server", "command"}
_MACHINE = {"disk", "port", "audience", "open files", "clock"}
_CHECK_WIDTH = len("✓ processor energy")


def print_examination(found: Examination) -> None:
    """All of it, and whether the demo could race now."""
    console = Console(highlight=False)
    for title, its in _sections(found.findings).items():
        console.print(Text(title, style="bold"))
        console.print(_findings(its))
        console.print()
    if found.gpus:
        console.print(Text("Sensors", style="bold"))
        console.print(_figures(found.gpus))
        console.print()
    console.print(_conclusion(found))


def _sections(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """The findings under the titles that they are printed under."""
    sections: dict[str, list[Finding]] = {}
    for finding in findings:
        title = "Arms" if finding.check in _ARMS else "Machine" if finding.check in _MACHINE else "GPU and power"
        sections.setdefault(title, []).append(finding)
    return sections


def _conclusion(found: Examination) -> Text:
    levels = [finding.level for finding in found.findings]
    doubts, problems = levels.count("warning"), levels.count("problem")
    if not problems:
        more = f", with {counted(doubts, 'warning')}" if doubts else ""
        return Text(f"✓ {found.demo} could race now{more}.", style="bold green" if not doubts else "bold")
    simulate = f"wattrace demo {found.demo} --simulate"
    stands = f"{counted(problems, 'problem')} {'stands' if problems == 1 else 'stand'} in the way"
    return Text(f"✗ {found.demo} could not race now: {stands}. Simulated, it could: {simulate}", style="bold")


def _findings(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, width=_CHECK_WIDTH)
    table.add_column(overflow="fold")
    for finding in findings:
        sign, style = _SIGNS[finding.level]
        text = Text(_shortened(finding.text))
        if finding.remedy:
            text.append(f"\n→ {_shortened(finding.remedy)}", style="dim" if finding.level == "ok" else "bold")
        table.add_row(Text(f"{sign} {finding.check}", style=style), text)
    return table


def _shortened(text: str) -> str:
    """Paths below the home folder as a shell writes them."""
    return text.replace(f"{Path.home()}/", "~/")


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
    return lambda sensor: shown(sensor["period_ms"][field], 1)


def _looks(window: Mapping[str, Any]) -> str:
    return shown(window["ms"], 0) + (" (assumed)" if window["origin"] == "assumed" else "")


def _apart(field: str) -> Callable[[Mapping[str, Any]], str]:
    def show(sensor: Mapping[str, Any]) -> str:
        percent = sensor["disagreement_percent"][field]
        return DASH if percent is None else f"{percent:+.1f}"

    return show


def _own(name: str, digits: int) -> Callable[[Mapping[str, Any]], str]:
    return lambda sensor: shown(sensor["sampler"][name], digits)


_ROWS: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("readings a second", lambda sensor: shown(sensor["achieved_hz"], 1)),
    ("different instant readings a second", lambda sensor: shown(sensor["instant_per_second"], 1)),
    ("different counter readings a second", lambda sensor: shown(sensor["counter_per_second"], 1)),
    ("instant power renewed every, ms", _renewed("power_instant")),
    ("instant power looks for, ms", lambda sensor: _looks(sensor["instant_window"])),
    ("average power renewed every, ms", _renewed("power_average")),
    ("energy counter renewed every, ms", _renewed("energy_counter")),
    ("instant against counter, %", _apart("instant")),
    ("average against counter, %", _apart("average")),
    ("one driver call, µs", _own("call_us_p50", 0)),
    ("late by, µs (half of the readings)", _own("late_us_p50", 0)),
    ("late by, µs (99 of 100)", _own("late_us_p99", 0)),
    ("cost of sampling, % of a core", _own("cpu_percent", 1)),
)
