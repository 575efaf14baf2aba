"""Options that several commands have, and how they print JSON."""

import errno
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
import typer

if TYPE_CHECKING:
    from engine.footprint import Electricity

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
Place = Annotated[
    str | None, typer.Option(envvar="WATTRACE_PLACE", help="Whose electricity: a country, as FR. For grams of CO2e.")
]
Carbon = Annotated[
    str | None,
    typer.Option(envvar="WATTRACE_CARBON", metavar="GRAMS", help="CO2e of a kWh: 56, 40-80, '56, RTE 2025'."),
]
Price = Annotated[
    str | None, typer.Option(envvar="WATTRACE_PRICE", help="Of a kWh: '0.25 EUR', '0.2-0.3 EUR, our contract 2026'.")
]


def debugging() -> bool:
    """Whether `--debug` was given, to us or to our parent."""
    return os.environ.get("WATTRACE_DEBUG") == "1"


def electricity(place: str | None, carbon: str | None, price: str | None) -> "Electricity":
    """What `--place`, `--carbon` and `--price` come to; a number goes before a country's. Raises ConfigError."""
    from engine.footprint import Electricity, grid_of, grid_told, price_told

    grid = grid_told(carbon, place=place or "") if carbon else grid_of(place) if place else None
    return Electricity(grid, price_told(price) if price else None)


def print_json(value: Any, *, after_others: bool = False) -> None:
    """`value` as one line of JSON on stdout; OSError when nobody can have it.

    `after_others`: somebody else has written there. Nobody can know whether that ended with its line, so a new one is
    begun: at worst it leaves an empty line, which JSON allows before an object.
    """
    if sys.stdout is None:  # the shell's >&-
        raise OSError(errno.EBADF, "standard output is closed")
    sys.stdout.buffer.write(b"\n" * after_others + orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()
