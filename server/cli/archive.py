"""`wattrace check`, `pack` and `recover`: files of recordings."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from server.cli.options import AsJson, print_json

_EXIT = {"good": 0, "unverified": 4, "cut off": 3, "wrong": 1}
"""From the best to the worst."""

AFile = Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")]


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings.")],
    as_json: AsJson = False,
) -> None:
    """Check that recordings are whole, unchanged, and that their figures follow from their samples.

    Exits with 0 where all are good, 4 where another method worked one's figures out, 3 where one was cut off but is
    right as far as it goes, 1 where one is wrong.
    """
    from engine.errors import RecordingError
    from engine.recording import check as examine
    from server.terminal.check_table import print_report

    worst, found, order = "good", [], list(_EXIT)
    for file in files:
        try:
            report = examine(file)
        except RecordingError as error:
            found.append({"verdict": "wrong", "file": str(file), "findings": [_unreadable(error)]})
            print(f"wattrace: {error}", file=sys.stderr)
            worst = "wrong"
            continue
        found.append(report.as_dict())
        worst = max(worst, report.verdict, key=order.index)
        if not as_json:
            print_report(report)
    if as_json:
        print_json(found[0] if len(found) == 1 else {"files": found})
    raise typer.Exit(_EXIT[worst])


def _unreadable(error: Exception) -> dict[str, object]:
    return {"weight": "error", "code": "unreadable", "text": str(error), "line": None}


def pack(
    file: AFile,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The copy; by default FILE.zst.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove FILE once the copy has been read back and compared.")
    ] = False,
) -> None:
    """Make a compressed copy of a recording, which every command reads like the original."""
    from engine.library import replace as give_up
    from engine.recording import pack as make

    packed = make(file, out)
    before, after = file.stat().st_size, packed.stat().st_size
    print(f"{packed}: {after:,} bytes instead of {before:,}")
    if replace:
        give_up(file, packed)


def recover(
    file: AFile,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it; must not exist yet.")],
) -> None:
    """Make a whole recording of one that was cut off or damaged, which says so."""
    from engine.recording import recover as make

    found = make(file, out)
    print(f"{found.path}: {found.documents:,} documents; {found.why}")
