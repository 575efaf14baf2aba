"""`wattrace list`, `keep` and `prune`: the recordings that are there."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from server.cli.options import AsJson, print_json

Folder = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where they are; without it, where races record by themselves.")
]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="A day, in UTC.")]


def list_(
    folder: Folder = None,
    demo: Annotated[str | None, typer.Option(metavar="NAME", help="Of this demo.")] = None,
    gpu: Annotated[str | None, typer.Option(metavar="TEXT", help="On a GPU with this in its name.")] = None,
    since: Day = None,
    until: Day = None,
    simulated: Annotated[bool | None, typer.Option("--simulated/--real", help="Simulated, or all real.")] = None,
    complete: Annotated[bool | None, typer.Option("--complete/--incomplete", help="Run to their end, or not.")] = None,
    kept: Annotated[bool | None, typer.Option("--kept/--not-kept", help="Marked as kept, or not.")] = None,
    as_json: AsJson = False,
) -> None:
    """List recordings, newest first."""
    from engine.library import Wanted, listed
    from server.terminal.library_table import print_library

    wanted = Wanted(demo, gpu, since and since.date(), until and until.date(), simulated, complete, kept)
    place = _folder(folder)
    found = listed(place, wanted)
    if as_json:
        print_json({"folder": str(place), "recordings": [entry.as_dict() for entry in found]})
        return
    print_library(found, place)


def keep(
    names: Annotated[list[str], typer.Argument(metavar="RUN|FILE...", help="Recordings.")],
    folder: Folder = None,
    off: Annotated[bool, typer.Option("--off", help="They need no longer be kept.")] = False,
) -> None:
    """Mark recordings as kept: no rule ever deletes them."""
    from engine.library import find
    from engine.library import keep as mark

    paths = [find(_folder(folder), name) for name in names]
    for path in paths:
        mark(path, on=not off)
        print(f"{'no longer kept' if off else 'kept'}: {path}")


def prune(
    folder: Folder = None,
    max_gigabytes: Annotated[
        float | None,
        typer.Option(envvar="WATTRACE_MAX_GIGABYTES", min=0, help="Delete the oldest until the rest is no larger."),
    ] = None,
    max_days: Annotated[
        float | None, typer.Option(envvar="WATTRACE_MAX_DAYS", min=0, help="Delete what is older.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only say what would be deleted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which recordings are over the limits, and delete them when told to; never what is kept."""
    from engine.library import Rules, listed, plan
    from engine.library import prune as delete
    from server.terminal.library_table import plan_as_dict, print_plan

    rules, place = Rules(max_gigabytes, max_days), _folder(folder)
    if not rules:
        raise typer.BadParameter("nothing is too much without --max-gigabytes or --max-days")
    found = plan(listed(place), rules)
    deleted = delete(found) if yes else []
    if as_json:
        print_json({"folder": str(place), **plan_as_dict(found), "deleted": [str(path) for path in deleted]})
        return
    print_plan(found, deleted=deleted if yes else None)


def _folder(named: Path | None) -> Path:
    from engine.headless import data_folder

    return named or data_folder("recordings")
