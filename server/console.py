"""What commands print: progress while racing, tables afterwards. Figures that are unknown show as a dash."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engine.books import ArmFigures
from engine.config import Demo, demo_names
from engine.documents import Document, Mark, MarkKind
from engine.ledger import Ledger

DASH = "—"


class Progress:
    """Prints a line for each thing that a person waiting for a headless race wants to know."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._console = Console(stderr=True, highlight=False)

    def __call__(self, ledger: Ledger, document: Document) -> None:
        """React to one document."""
        if not isinstance(document, Mark):
            return
        match document.kind:
            case MarkKind.WARNING:
                self._console.print(f"[yellow]{document.text}", markup=True)
            case MarkKind.ARM if document.state in {"starting", "ready", "failed"}:
                self._say(document, f"{document.state} {document.text or ''}")
            case MarkKind.ROUND_END:
                self._round_end(ledger, document)
            case _:
                pass

    def _say(self, mark: Mark, text: str) -> None:
        seconds = (mark.end_t_ns or mark.t_ns) / 1e9
        name = self._demo.arms[self._demo.labels.index(mark.arm)].name if mark.arm else ""
        self._console.print(f"{seconds:7.1f} s  {mark.arm or ' '} {name}: {text}", markup=False)

    def _round_end(self, ledger: Ledger, mark: Mark) -> None:
        watts, tokens = ledger.live(mark.arm or "", mark.t_ns)
        text = f"round {mark.round} of {self._demo.schedule.rounds}: {_number(tokens, 1)} tokens/s"
        self._say(mark, text + (f", {_number(watts, 0)} W" if watts is not None else ""))


def print_outcome(ledger: Ledger, path: Path) -> None:
    """The table after a race, and where its recording lies."""
    if ledger.start is not None:
        print_ledger(ledger, title=str(ledger.start.demo.get("title", "")), cut_off=None)
    print(f"recording: {path}")


def print_ledger(ledger: Ledger, *, title: str, cut_off: str | None) -> None:
    """Each arm's figures and the verdicts, with everything that a reader must be warned of."""
    console = Console(highlight=False)
    if cut_off:
        console.print(f"[bold]{title}: {cut_off}; figures are of what is there[/]", markup=True)
    elif ledger.stop is not None and ledger.stop.exit_status != "success":
        console.print(f"{title}: the race did not finish: {ledger.stop.reason}", markup=False, style="bold")
    assert ledger.start is not None, "a ledger of a recording has a start"
    simulated = [name for name, is_so in ledger.start.simulated.items() if is_so]
    if simulated:
        console.print(f"SIMULATED: {' and '.join(simulated)}", style="bold reverse")
    console.print(_table(ledger, title))
    if not ledger.powered:
        console.print("no power sensor: watts and joules are unknown")
    for metric in ("joules_per_token", "tokens_per_second"):
        for verdict in ledger.verdicts(metric):
            console.print(f"{metric}: {verdict.text}", markup=False)


_ROWS: tuple[tuple[str, Callable[[ArmFigures], str]], ...] = (
    ("rounds", lambda f: str(f.rounds)),
    ("{unit}s (steady state)", lambda f: _number(f.units, 0)),
    ("{unit}s/s", lambda f: _number(f.units_per_second, 1)),
    ("J/{unit}", lambda f: _number(f.joules_per_unit, 4)),
    ("energy, J", lambda f: _number(f.energy_joules, 1)),
    ("power, W (mean)", lambda f: _number(f.power_mean_watts, 1)),
    ("power, W (peak)", lambda f: _number(f.power_peak_watts, 1)),
)


_LATENCIES = (
    ("first token, s", "ttft_seconds"),
    ("between tokens, s", "itl_seconds"),
    ("whole answer, s", "e2e_seconds"),
)


def _table(ledger: Ledger, title: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for label, books in ledger.arms.items():
        table.add_column(f"{label}  {books.name}", justify="right")
    figures = [ledger.figures(label) for label in ledger.arms]
    unit = next(iter(ledger.arms.values())).info.unit
    for name, show in _ROWS:
        table.add_row(name.format(unit=unit), *(show(arm) for arm in figures))
    latencies = [books.latencies().percentiles() for books in ledger.arms.values()]
    for name, key in _LATENCIES if unit == "token" else ():
        table.add_row(f"{name} (p50 / p99)", *(_percentiles(found[key]) for found in latencies))
    return table


def _percentiles(found: dict[str, float] | None) -> str:
    return f"{found['p50']:.3f} / {found['p99']:.3f}" if found else DASH


def _number(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:,.{digits}f}"


def print_demos(load: Callable[[str], tuple[str, Demo]]) -> None:
    """A line for each shipped demo."""
    table = Table(box=None, pad_edge=False)
    for head in ("name", "arms", "what it shows"):
        table.add_column(head)
    for name in demo_names():
        _, demo = load(name)
        table.add_row(name, " vs ".join(arm.name for arm in demo.arms), demo.learn or demo.title)
    Console().print(table)
