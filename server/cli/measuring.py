"""`wattrace measure` and `doctor`: the machine itself."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from server.cli.options import AsJson, DemoName, Simulate, debugging, print_json

_UNHEARD, _PIPE = 74, 141
"""It was measured, but could not be told: EX_IOERR of sysexits.h; as a shell numbers SIGPIPE."""


def measure(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND", help="Measure it from its start to its end.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of the window; without it, until Ctrl-C.")] = None,
    gpu: Annotated[
        list[str] | None, typer.Option(metavar="N", help="Index or UUID; more than once; all of them.")
    ] = None,
    rate: Annotated[int, typer.Option(metavar="HZ", min=10, max=1000, help="Samples a second.")] = 1000,
    as_json: AsJson = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to record; must not exist yet.")] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="A simulated GPU, labelled so.")] = False,
) -> None:
    """Measure the energy of a window of time or of a command, on every GPU."""
    from engine.measure import Request
    from engine.measure import measure as take
    from server.terminal.measure_table import print_measured, say_measuring

    if refusal := _cannot_measure(seconds, command):
        print(f"wattrace: {refusal}", file=sys.stderr)
        raise typer.Exit(2)
    request = Request(seconds, tuple(command or ()), tuple(gpu or ()), rate, out, simulate)
    outcome = asyncio.run(take(request, on_window=lambda: say_measuring(seconds)))
    if outcome.fault is not None and debugging():
        raise outcome.fault
    try:
        if outcome.problems:
            more = ["see more with --debug"] if outcome.fault is not None else []
            print(f"wattrace: {'; '.join([*outcome.problems, *more])}", file=sys.stderr)
        if outcome.result is not None and as_json:
            print_json(outcome.result, after_others=bool(command))
        elif outcome.result is not None:
            print_measured(outcome.result, on_stderr=bool(command))
        if out is not None and outcome.result is not None:
            print(f"recording: {out}", file=sys.stderr)
    except OSError as error:
        _unheard(error, outcome.result)
        broken = isinstance(error, BrokenPipeError)
        outcome.exit_code = outcome.exit_code or (0 if command else _PIPE if broken else _UNHEARD)
    raise typer.Exit(outcome.exit_code)


def _unheard(error: OSError, result: dict[str, Any] | None) -> None:
    """Nobody could be told: a command's status is passed on all the same, and what was measured goes where it can."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):
            print(end="", file=stream, flush=True)
            continue
        with suppress(OSError, AttributeError):  # else Python tries again when it ends, and changes the status
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    with suppress(OSError):
        measured = f"; it is {orjson.dumps(result).decode()}" if result is not None else ""
        print(f"wattrace: the result could not be written: {error.strerror or error}{measured}", file=sys.stderr)


def doctor(
    name: DemoName = None,
    simulate: Simulate = False,
    as_json: AsJson = False,
) -> None:
    """Check whether a demo could race on this machine now, and say what to do if not."""
    from engine.config import load_demo
    from engine.doctor import examine
    from server.settings import from_environment
    from server.terminal.doctor_table import print_examination

    short, chosen = load_demo(name)
    settings = from_environment(os.environ)
    found = asyncio.run(examine(short, chosen, simulate=simulate, at_host=settings.host, port=settings.port))
    if as_json:
        print_json(found.as_dict())
    else:
        print_examination(found)
    raise typer.Exit(0 if found.ok else 1)


def _cannot_measure(seconds: float | None, command: list[str] | None) -> str | None:
    """What is wrong with the wishes of `measure`, in words."""
    if seconds is not None and command:
        return "--seconds and a command are two windows: leave one of them out"
    if seconds is not None and not 0.01 <= seconds <= 1e7:
        return f"--seconds {seconds:g}: 0.01 to 10000000 seconds are possible"
    return None
