"""`wattrace export` and `import`: to other tools, and from them."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from server.cli.options import AsJson, print_json

Format = Literal["parquet", "csv", "perfetto", "openmetrics", "llem", "leaderboard"]


def export(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="A recording; for a leaderboard several.")],
    as_format: Annotated[Format, typer.Option("--format", help="docs/export.md says what each is for.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder to write into.")],
) -> None:
    """Write a recording in the form that another tool reads."""
    from engine.export import export as write

    for words in write(files, as_format, out):
        print(f"wattrace: left out: {words}", file=sys.stderr)
    print(f"export: {out}")


def import_(
    folders: Annotated[
        list[Path], typer.Argument(metavar="BUNDLE...", help="Folders that llenergymeasure has written.")
    ],
    as_json: AsJson = False,
) -> None:
    """Print what llenergymeasure's bundles say, and who measured their energy how; `compare` takes them too."""
    from engine.bundles import read_bundle
    from server.terminal.bundle_table import print_bundles

    bundles = [read_bundle(folder) for folder in folders]
    if as_json:
        print_json({"bundles": [{"file": str(bundle.path), **bundle.outcome()} for bundle in bundles]})
        return
    print_bundles(bundles)
