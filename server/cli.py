"""The command line: `wattrace demo`, `run`, `measure`, `record`, `replay`, `compare`, `demos`, `doctor`.

Heavy modules are imported inside the command that needs them: a viewer waits for the first page, not for us.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer

from engine import __version__
from engine.errors import WattraceError

app = typer.Typer(
    name="wattrace",
    help="Race LLM-inference configurations side by side; watch their watts, joules and tokens live.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DemoName = Annotated[str | None, typer.Argument(metavar="NAME|FILE", help="A shipped demo's name, or a YAML file.")]
Simulate = Annotated[bool, typer.Option("--simulate", help="Simulated arms on a simulated GPU, labelled so.")]
Rounds = Annotated[int | None, typer.Option(min=1, help="Turns in total, over all arms.")]
RoundSeconds = Annotated[float | None, typer.Option(min=0.5, help="Length of a turn.")]
PowerChoice = Annotated[
    Literal["auto", "simulated"],
    typer.Option(help="auto: the sensor that is really there. simulated: watts of a simulated GPU, labelled so."),
]
Port = Annotated[
    int, typer.Option(envvar="WATTRACE_PORT", min=0, max=65535, help="Port to serve on; 0 picks a free one.")
]
Host = Annotated[str, typer.Option(envvar="WATTRACE_HOST", help="Address to serve on; 0.0.0.0 lets phones in.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open the page, only print its address.")]
Stream = Annotated[bool, typer.Option("--stream", hidden=True, help="Documents on stdout, commands on stdin.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"wattrace {__version__}")
        raise typer.Exit


@app.callback(epilog="--debug, anywhere: show tracebacks and the children's logs.")
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Race LLM-inference configurations side by side; watch their watts, joules and tokens live."""


@app.command()
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
    from server.stagehand import serve_demo

    serve_demo(
        name,
        host=host,
        port=port,
        open_browser=not no_browser,
        autostart=autostart,
        debug=_debugging(),
        race_flags=_race_flags(simulate, power, rounds, round_seconds),
    )


@app.command()
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
    from engine.config import load_demo, with_schedule
    from engine.headless import RaceOptions, race
    from server.console import Progress, print_outcome

    short, chosen = load_demo(name)
    chosen = with_schedule(chosen, rounds=rounds, round_seconds=round_seconds)
    options = RaceOptions(simulate=simulate, power=power, fall_back=fall_back, out=out)
    watch = None if stream else Progress(chosen)
    ending, path, raced = asyncio.run(race(short, chosen, options, stream=stream, watch=watch))
    if not stream:
        print_outcome(raced.ledger, path)
    if ending.status == "success":
        return
    if not stream:
        print(f"wattrace: {ending.reason}", file=sys.stderr)
    raise typer.Exit(130 if ending.status == "abort" else 1)


# What follows the command's name is the command's own, with or without `--` before it.
@app.command(context_settings={"allow_interspersed_args": False})
def measure(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND", help="Measure it from its start to its end.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of the window; without it, until Ctrl-C.")] = None,
    gpu: Annotated[
        list[str] | None, typer.Option(metavar="N", help="Index or UUID; more than once; all of them.")
    ] = None,
    rate: Annotated[int, typer.Option(metavar="HZ", min=10, max=1000, help="Samples a second.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to record; must not exist yet.")] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="A simulated GPU, labelled so.")] = False,
) -> None:
    """Measure the energy of a window of time or of a command, on every GPU."""
    from engine.measure import Request
    from engine.measure import measure as take
    from server.measure_table import print_measured, say_measuring

    if refusal := _cannot_measure(seconds, command):
        print(f"wattrace: {refusal}", file=sys.stderr)
        raise typer.Exit(2)
    request = Request(seconds, tuple(command or ()), tuple(gpu or ()), rate, out, simulate)
    outcome = asyncio.run(take(request, on_window=lambda: say_measuring(seconds)))
    if outcome.problems:
        print(f"wattrace: {'; '.join(outcome.problems)}", file=sys.stderr)
    if outcome.result is not None and as_json:
        sys.stdout.buffer.write(orjson.dumps(outcome.result, option=orjson.OPT_APPEND_NEWLINE))
    elif outcome.result is not None:
        print_measured(outcome.result, on_stderr=bool(command))
    if out is not None and outcome.result is not None:
        print(f"recording: {out}", file=sys.stderr)
    raise typer.Exit(outcome.exit_code)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")],
    port: Port = 8765,
    host: Host = "127.0.0.1",
    no_browser: NoBrowser = False,
    speed: Annotated[float, typer.Option(help="1, 2 or 10 times real time.")] = 1.0,
    stream: Stream = False,
) -> None:
    """Show a recording on the dashboard, under a REPLAY badge."""
    from engine.replay import SPEEDS

    if speed not in SPEEDS:
        raise typer.BadParameter(f"{speed:g} is not 1, 2 or 10", param_hint="--speed")
    if stream:
        from engine.headless import replay as play

        asyncio.run(play(file, speed=speed))
        return
    from server.stagehand import serve_replay

    serve_replay(file, host=host, port=port, open_browser=not no_browser, debug=_debugging(), speed=speed)


@app.command()
def record(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where a wattrace serves: http://HOST:PORT/")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it; must not exist yet.")],
    run: Annotated[str | None, typer.Option(metavar="ID", help="An earlier run of that server.")] = None,
    go_on: Annotated[bool, typer.Option("--continue", help="Go on with a FILE that was cut off.")] = False,
) -> None:
    """Record what another wattrace serves, every document, through cuts and restarts."""
    from server.remote import RemoteRecording

    copying = RemoteRecording(url, out, run=run, go_on=go_on, say=lambda line: print(line, file=sys.stderr))
    try:
        asyncio.run(copying.copy())
    except KeyboardInterrupt:
        print(f"stopped; {out} can be gone on with: --continue", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"recording: {out}")


@app.command()
def compare(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Compare races that differ in model, prompts or GPU, and say so.")
    ] = False,
) -> None:
    """Print each arm's figures and the verdicts from recordings; of several, across them too."""
    from engine.outcome import across, outcome, read_race
    from server.console import print_across, print_ledger

    races = [read_race(file) for file in files]
    together = across(races, anyway=anyway) if len(races) > 1 else None
    if as_json:
        found = together or outcome(races[0].ledger, races[0].cut_off)
        sys.stdout.buffer.write(orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE))
        return
    for number, race in enumerate(races, start=1):
        title = f"{number}: {race.path}" if together else str(race.path)
        print_ledger(race.ledger, title=title, cut_off=race.cut_off)
    if together:
        print_across(together)


@app.command()
def demos() -> None:
    """List the demos that wattrace ships."""
    from engine.config import load_demo
    from server.console import print_demos

    print_demos(load_demo)


@app.command()
def doctor(
    name: DemoName = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Check whether a demo could race on this machine now, and say what to do if not."""
    from engine.config import load_demo
    from engine.doctor import examine
    from server.doctor_table import print_examination
    from server.settings import from_environment

    short, chosen = load_demo(name)
    settings = from_environment(os.environ)
    found = asyncio.run(examine(short, chosen, at_host=settings.host, port=settings.port))
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(found.as_dict(), option=orjson.OPT_APPEND_NEWLINE))
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


def _race_flags(simulate: bool, power: str, rounds: int | None, round_seconds: float | None) -> list[str]:
    """The same wishes as flags for the race process."""
    flags = ["--simulate"] if simulate else []
    flags += ["--power", power]
    flags += ["--rounds", str(rounds)] if rounds is not None else []
    flags += ["--round-seconds", str(round_seconds)] if round_seconds is not None else []
    return flags


def _debugging() -> bool:
    return os.environ.get("WATTRACE_DEBUG") == "1"


def _take_debug_flag(arguments: list[str]) -> None:
    """`--debug` may stand anywhere before a `--`; our children inherit it."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--debug" in own:
        arguments.remove("--debug")
        os.environ["WATTRACE_DEBUG"] = "1"


def main() -> None:
    """The console script: every expected error is one line on stderr and an exit status."""
    _take_debug_flag(sys.argv)
    try:
        app()
    except WattraceError as error:
        if _debugging():
            raise
        print(f"wattrace: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(141)  # the reader of our output is gone: as a shell numbers SIGPIPE
    except Exception as error:
        if _debugging():
            raise
        print(
            f"wattrace: a fault of its own: {type(error).__name__}: {error}; see more with --debug",
            file=sys.stderr,
        )
        sys.exit(70)


if __name__ == "__main__":
    main()
