"""Options that several commands have, and how they print JSON."""

import os
import sys
from typing import Annotated, Any, Literal

import orjson
import typer

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
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def debugging() -> bool:
    """Whether `--debug` was given, to us or to our parent."""
    return os.environ.get("WATTRACE_DEBUG") == "1"


def print_json(value: Any) -> None:
    """`value` as one line of JSON on stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
