"""`wattrace demo`, `run` and `replay`: what is raced, and shown."""

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from server.cli.options import (
    DemoName,
    Host,
    NoBrowser,
    Port,
    PowerChoice,
    Rounds,
    RoundSeconds,
    Simulate,
    Stream,
    debugging,
)


def demo(
    name: DemoName = None,
    simulate: Simulate = False,
    port: Port = 8765,
    host: Host = "127.0.0.1",
    no_browser: NoBrowser = False,
    autostart: Annotated[bool, typer.Option("--autostart", help="Race at once, not when told to.")] = False,
    power: PowerChoice = "auto",
    rounds: Rounds = None,
    round_seconds: RoundSeconds = None,
) -> None:
    """Serve the dashboard, and race on it."""
    from engine.config import with_schedule
    from server.stagehand import serve_demo

    serve_demo(
        name,
        host=host,
        port=port,
        open_browser=not no_browser,
        autostart=autostart,
        debug=debugging(),
        race_flags=_race_flags(simulate, power, rounds, round_seconds),
        planned=partial(with_schedule, rounds=rounds, round_seconds=round_seconds),
    )


def run(
    name: DemoName = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to record; must not exist yet.")] = None,
    simulate: Simulate = False,
    power: PowerChoice = "auto",
    rounds: Rounds = None,
    round_seconds: RoundSeconds = None,
    stream: Stream = False,
    fall_back: Annotated[bool, typer.Option("--fall-back", hidden=True)] = False,
) -> None:
    """Race headless into a recording, and print what came of it."""
    import uvloop  # its loop reads the streams of 64 clients with a seventh less CPU

    from engine.config import load_demo, with_schedule
    from engine.headless import RaceOptions, race
    from server.terminal.console import Progress, print_outcome

    short, chosen = load_demo(name)
    chosen = with_schedule(chosen, rounds=rounds, round_seconds=round_seconds)
    options = RaceOptions(simulate=simulate, power=power, fall_back=fall_back, out=out)
    watch = None if stream else Progress(chosen)
    ending, path, raced = uvloop.run(race(short, chosen, options, stream=stream, watch=watch))
    if not stream:
        print_outcome(raced.ledger, path)
    if ending.status == "success":
        return
    if not stream:
        print(f"wattrace: {ending.reason}", file=sys.stderr)
    raise typer.Exit(130 if ending.status == "abort" else 1)


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")],
    port: Port = 8765,
    host: Host = "127.0.0.1",
    no_browser: NoBrowser = False,
    speed: Annotated[float, typer.Option(help="0.5, 1, 2, 10 or 20 times real time.")] = 1.0,
    stream: Stream = False,
    paused: Annotated[bool, typer.Option("--paused", hidden=True)] = False,
) -> None:
    """Show a recording on the dashboard, under a REPLAY badge."""
    from engine.replay import SPEEDS

    if speed not in SPEEDS:
        raise typer.BadParameter(f"{speed:g} is not 0.5, 1, 2, 10 or 20", param_hint="--speed")
    if stream:
        from engine.headless import replay as play
        from server.replaying import new_scene

        asyncio.run(play(file, speed=speed, begin=new_scene, paused=paused))
        return
    from server.stagehand import serve_replay

    serve_replay(file, host=host, port=port, open_browser=not no_browser, debug=debugging(), speed=speed)


def _race_flags(simulate: bool, power: str, rounds: int | None, round_seconds: float | None) -> list[str]:
    """The same wishes as flags for the race process."""
    flags = ["--simulate"] if simulate else []
    flags += ["--power", power]
    flags += ["--rounds", str(rounds)] if rounds is not None else []
    flags += ["--round-seconds", str(round_seconds)] if round_seconds is not None else []
    return flags
