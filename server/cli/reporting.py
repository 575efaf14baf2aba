"""`wattrace report` and `bench-observer`: what is told of a race, and what it costs to watch one."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from server.cli.options import AsJson, Carbon, DemoName, Place, PowerChoice, Price, Simulate, electricity, print_json

Format = Literal["html", "md", "png", "svg", "pdf"]
_FORMATS: dict[str, Format] = {
    ".html": "html",
    ".htm": "html",
    ".md": "md",
    ".png": "png",
    ".svg": "svg",
    ".pdf": "pdf",
}


def report(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it.")],
    as_format: Annotated[
        Format | None, typer.Option("--format", help="html: the whole race. The others: the key figure.")
    ] = None,
    place: Place = None,
    carbon: Carbon = None,
    price: Price = None,
) -> None:
    """Make one file of a race: a page that replays it offline, or its key figure for a paper or a slide."""
    from server.report import figure, read_facts, report_html, report_markdown, written

    chosen = as_format or _FORMATS.get(out.suffix.lower())
    if chosen is None:
        raise typer.BadParameter(f"{out.name} does not say which format; add --format", param_hint="--out")
    facts = read_facts(file, electricity(place, carbon, price))
    match chosen:
        case "html":
            content = report_html(facts)
        case "md":
            content = report_markdown(facts).encode()
        case _:
            content = figure(facts, chosen)
    written(out, content, recording=file)
    print(f"report: {out}")


def bench_observer(
    name: DemoName = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to record; must not exist yet.")] = None,
    simulate: Simulate = False,
    power: PowerChoice = "auto",
    blocks: Annotated[int, typer.Option(min=2, max=1000, help="Turns of each way of watching.")] = 4,
    round_seconds: Annotated[float, typer.Option(min=2, help="Length of a turn.")] = 8.0,
    viewers: Annotated[int, typer.Option(min=1, max=1000, help="How many watch, when anybody does.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Race a demo's last arm against itself, more or less closely watched: what does watching cost?"""
    from engine.config import load_demo
    from engine.headless import data_folder
    from engine.observer import ObserverOptions, conditions, observe
    from engine.run import new_run_id
    from server.observer import served_hall
    from server.observer.table import print_findings
    from server.terminal.console import Progress

    _, demo = load_demo(name)
    wanted = conditions(viewers)
    path = out or data_folder("recordings") / f"{new_run_id('observer')}.jsonl"
    options = ObserverOptions(simulate, power, blocks, round_seconds)
    observed = asyncio.run(observe(demo, options, wanted, path, hall=served_hall, watch=Progress))
    found = observed.findings
    if as_json:
        print_json({"run": observed.ledger.start.run if observed.ledger.start else None, "conditions": found})
    else:
        print_findings(found, observed.ledger)
    print(f"recording: {path}", file=sys.stderr)
    if observed.ending.status != "success":
        print(f"wattrace: {observed.ending.reason}", file=sys.stderr)
        raise typer.Exit(130 if observed.ending.status == "abort" else 1)
