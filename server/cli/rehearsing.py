"""`wattrace rehearse`: the day before the talk."""

import asyncio
import os

import typer

from server.cli.options import DemoName, PowerChoice, Simulate


def rehearse(name: DemoName = None, simulate: Simulate = False, power: PowerChoice = "auto") -> None:
    """Check the machine, race for 20 seconds, and keep the recording that takes over if the race dies on stage."""
    from engine.config import load_demo
    from engine.doctor import examine
    from engine.headless import RaceOptions
    from engine.rehearsal import rehearse as go_through
    from engine.rehearsal import shortened
    from server.settings import from_environment
    from server.terminal.console import Progress, print_ledger
    from server.terminal.doctor_table import print_examination
    from server.terminal.rehearsal_table import print_rehearsal

    short, chosen = load_demo(name)
    settings = from_environment(os.environ)
    found = asyncio.run(examine(short, chosen, simulate=simulate, at_host=settings.host, port=settings.port))
    print_examination(found)
    brief = shortened(chosen)
    options = RaceOptions(simulate=simulate, power=power)
    outcome = asyncio.run(go_through(short, brief, found, options, watch=Progress(brief)))
    if outcome.raced is not None and outcome.raced.ledger.start is not None:
        print_ledger(outcome.raced.ledger, title=chosen.title, cut_off=None)
    flags = ["--simulate"] * simulate + ([f"--power {power}"] if power != "auto" else [])
    print_rehearsal(outcome, " ".join(["wattrace demo", name or short, *flags]))
    raise typer.Exit(0 if outcome.ok else 1)
