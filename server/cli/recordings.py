"""`wattrace record`, `compare` and `demos`: what is there already."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from server.cli.options import AsJson, Carbon, Place, Price, electricity, print_json


def record(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where a wattrace serves: http://HOST:PORT/")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it; must not exist yet.")],
    run: Annotated[str | None, typer.Option(metavar="ID", help="An earlier run of that server.")] = None,
    go_on: Annotated[bool, typer.Option("--continue", help="Go on with a FILE that was cut off.")] = False,
) -> None:
    """Record what another wattrace serves, every document, through cuts and restarts.

    A run that was never on its stage takes the presenter's token of that server, in WATTRACE_TOKEN.
    """
    from server.remote import RemoteRecording
    from server.settings import from_environment

    token = from_environment(os.environ).token
    copying = RemoteRecording(
        url, out, run=run, go_on=go_on, token=token, say=lambda line: print(line, file=sys.stderr)
    )
    try:
        asyncio.run(copying.copy())
    except KeyboardInterrupt:
        print(f"stopped; {out} can be gone on with: --continue", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"recording: {out}")


def compare(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings, or llenergymeasure's bundles.")],
    as_json: AsJson = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Compare races that differ in model, prompts or GPU, and say so.")
    ] = False,
    place: Place = None,
    carbon: Carbon = None,
    price: Price = None,
) -> None:
    """Print each arm's figures and the verdicts from recordings; of several, across them too."""
    from engine.bundles import Bundle, read_bundle
    from engine.footprint import with_footprint
    from engine.outcome import across, read_race
    from server.terminal.bundle_table import print_bundles
    from server.terminal.console import print_across, print_ledger
    from server.terminal.footprint_table import print_footprint

    power = electricity(place, carbon, price)
    races = [read_bundle(file) if file.is_dir() else read_race(file) for file in files]
    together = across(races, anyway=anyway) if len(races) > 1 else None
    if as_json:
        found = together or races[0].outcome()
        print_json(with_footprint(found, power))
        return
    for number, race in enumerate(races, start=1):
        title = f"{number}: {race.path}" if together else str(race.path)
        if isinstance(race, Bundle):
            print_bundles([race], title=title)
            continue
        print_ledger(race.ledger, title=title, cut_off=race.cut_off)
        print_footprint(race.ledger.summaries(rounds=True), power)
    if together:
        print_across(together)


def demos() -> None:
    """List the demos that wattrace ships."""
    from engine.config import load_demo
    from server.terminal.console import print_demos

    print_demos(load_demo)
