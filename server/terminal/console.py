"""What commands print: progress while racing, tables afterwards. Figures that are unknown show as a dash."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from engine.books import ArmFigures, Percentiles, over
from engine.compare import plural
from engine.config import DEFAULT_DEMO, Demo, demo_names
from engine.documents import Document, Mark, MarkKind
from engine.ledger import Ledger
from engine.outcome import verdicts
from server.tables import DASH, shown


class Progress:
    """Prints a line for each thing that a person waiting for a headless race wants to know."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._console = Console(stderr=True, highlight=False)
        self._stage: tuple[str | None, str] = (None, "")

    def __call__(self, ledger: Ledger, document: Document) -> None:
        """React to one document."""
        if not isinstance(document, Mark):
            return
        match document.kind:
            case MarkKind.WARNING:
                self._console.print(document.text, style="yellow", markup=False)
            case MarkKind.ARM if document.state == "starting":
                self._starting(document)
            case MarkKind.ARM if document.state in {"ready", "failed"}:
                self._say(document, f"{document.state} {document.text or ''}".rstrip())
            case MarkKind.ROUND_END:
                self._round_end(ledger, document)
            case _:
                pass

    def _say(self, mark: Mark, text: str) -> None:
        seconds = (mark.end_t_ns or mark.t_ns) / 1e9
        name = self._demo.arms[self._demo.labels.index(mark.arm)].name if mark.arm else ""
        self._console.print(f"{seconds:7.1f} s  {mark.arm or ' '} {name}: {text}", markup=False)

    def _starting(self, mark: Mark) -> None:
        """A line for each stage of a start-up, and not for each percent of it."""
        stage = str(mark.data.get("stage") or "")
        if (mark.arm, stage) != self._stage:
            self._stage = (mark.arm, stage)
            self._say(mark, f"starting: {stage}" if stage else "starting")

    def _round_end(self, ledger: Ledger, mark: Mark) -> None:
        watts, speed = ledger.live(mark.arm or "", mark.t_ns)
        unit = ledger.arms[mark.arm].info.unit if mark.arm in ledger.arms else "token"
        text = f"round {mark.round} of {self._demo.schedule.rounds}: {shown(speed, 1)} {plural(unit)}/s"
        self._say(mark, text + (f", {shown(watts, 0)} W" if watts is not None else ""))


def print_outcome(ledger: Ledger, path: Path) -> None:
    """The table after a race, and where its recording lies."""
    if ledger.start is not None:
        print_ledger(ledger, title=str(ledger.start.demo.get("title", "")), cut_off=None)
    print(f"recording: {path}")


def print_ledger(ledger: Ledger, *, title: str, cut_off: str | None) -> None:
    """Each arm's figures and the verdicts, with everything that a reader must be warned of."""
    console = Console(highlight=False)
    if cut_off:
        console.print(f"{title}: {cut_off}; figures are of what is there", markup=False, style="bold")
    elif ledger.stop is not None and ledger.stop.exit_status != "success":
        console.print(f"{title}: the race did not finish: {ledger.stop.reason}", markup=False, style="bold")
    assert ledger.start is not None, "a ledger of a recording has a start"
    simulated = [name for name, is_so in ledger.start.simulated.items() if is_so]
    if simulated:
        console.print(f"SIMULATED: {' and '.join(simulated)}", style="bold reverse")
    console.print(_table(ledger, title))
    if not ledger.powered:
        console.print("no power sensor: watts and joules are unknown")
    _print_verdicts(console, [verdict.as_dict() for verdict in verdicts(ledger)])


def _print_verdicts(console: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """A line for each; where there are several contenders, with the two that it is about."""
    several = len({verdict["contender"] for verdict in found}) > 1
    for verdict in found:
        about = f", {verdict['contender']} to {verdict['baseline']}" if several else ""
        more = f"; about {verdict['more_rounds']} more rounds would decide" if verdict["more_rounds"] else ""
        console.print(f"{verdict['metric']}{about}: {verdict['text']}{more}", markup=False)


def print_across(found: Mapping[str, Any]) -> None:
    """What several recordings say together, as `engine.outcome.across` has it."""
    console = Console(highlight=False)
    for difference in found["differences"]:
        values = (f"{value['value']} ({', '.join(value['files'])})" for value in difference["values"])
        console.print(f"NOT THE SAME {difference['what']}: {', '.join(values)}", markup=False, style="bold reverse")
    if found["simulated"]:
        console.print("SIMULATED", style="bold reverse")
    table = Table(title="across the recordings", title_justify="left")
    table.add_column("")
    for group in found["groups"]:
        table.add_column(f"{group['label']}  {group['name']}", justify="right")
    for name, show in _GROUP_ROWS:
        table.add_row(name, *(show(group) for group in found["groups"]))
    console.print(table)
    _print_verdicts(console, found["verdicts"])
    if any(verdict["method"] == "unpaired" for verdict in found["verdicts"]):
        console.print("Rounds of different runs: what a whole run had of its own is not in these intervals.")


_GROUP_ROWS: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("rounds", lambda group: str(group["rounds"])),
    ("speed", lambda group: f"{shown(_per(group, '{}s_per_second'), 1)} {plural(group['unit'])}/s"),
    ("energy for one", lambda group: f"{shown(_per(group, 'joules_per_{}'), 4)} J/{group['unit']}"),
    ("energy, J", lambda group: shown(group["energy_joules"], 1)),
    ("power, W (mean)", lambda group: shown(group["power_watts"]["mean"], 1)),
    ("power, W (peak)", lambda group: shown(group["power_watts"]["peak"], 1)),
    ("energy by", lambda group: "; ".join(dict.fromkeys(measured_words(told) for told in group["measured"]))),
    ("power limit, W", lambda group: ", ".join(shown(watts, 0) for watts in group["power_limit_watts"]) or DASH),
)


def measured_words(told: Mapping[str, Any]) -> str:
    """Who measured an energy, and how often the sensor was read; of other tools, how often they store it."""
    rates = ((told.get("sampling_hz"), ""), (told.get("stored_hz"), "stored at "))
    words = [f"{before}{rate:.3g} Hz" for rate, before in rates if rate]
    return ", ".join([told["by"], *words])


def _per(group: Mapping[str, Any], key: str) -> float | None:
    """A figure whose name has the unit in it; all units but tokens are called unit there."""
    found = group[key.format("token" if group["unit"] == "token" else "unit")]
    return None if found is None else float(found)


_ROWS: tuple[tuple[str, Callable[[ArmFigures], str]], ...] = (
    ("rounds", lambda f: str(f.rounds)),
    ("{units} (steady state)", lambda f: shown(f.units, 0)),
    ("{units}/s", lambda f: shown(f.units_per_second, 1)),
    ("J/{unit}", lambda f: shown(f.joules_per_unit, 4)),
    ("J/{unit} above idle", lambda f: shown(over(f.energy_above_idle_joules, f.units), 4)),
    ("energy, J", lambda f: shown(f.energy_joules, 1)),
    ("power, W (mean)", lambda f: shown(f.power_mean_watts, 1)),
    ("power, W (peak)", lambda f: shown(f.power_peak_watts, 1)),
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
        table.add_row(name.format(unit=unit, units=plural(unit)), *(show(arm) for arm in figures))
    latencies = [books.latencies() for books in ledger.arms.values()]
    for name, key in _LATENCIES if unit == "token" else ():
        table.add_row(f"{name} (p50 / p99)", *(_percentiles(found[key]) for found in latencies))
    return table


def _percentiles(found: Percentiles | None) -> str:
    return f"{found.p50:.3f} / {found.p99:.3f}" if found else DASH


def print_demos(load: Callable[[str], tuple[str, Demo]]) -> None:
    """Each shipped demo: what it is called, what it runs on, what it shows."""
    console = Console(highlight=False)
    for name in demo_names():
        _, demo = load(name)
        console.print(Text.assemble((name, "bold"), f"  {_hardware(demo)}"))
        console.print(Padding(Text(demo.learn), (0, 0, 1, 2)))
    console.print(f"wattrace doctor NAME says whether one could race here; {DEFAULT_DEMO} is raced without a name.")


def _hardware(demo: Demo) -> str:
    """What a demo's arms run on, in a few words."""
    runtimes = {arm.runtime for arm in demo.arms}
    if not runtimes & {"vllm", "openai"}:
        return "needs no GPU"
    if demo.on_cpu:
        return "on a CPU"
    gpus = {gpu for label in demo.labels for gpu in demo.gpus_of(label)}
    return "on a GPU" if len(gpus) == 1 else f"on {len(gpus)} GPUs"
