"""Rows of the bench: what was asked for, what was measured, whether it holds; printed, and written as JSON."""

import argparse
import json
import math
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HEADER = ("what", "asked", "measured", "holds")


@dataclass(frozen=True)
class Row:
    """One figure. `holds` is None where nothing was asked for."""

    what: str
    measured: str
    value: float | None = None
    asked: str = ""
    holds: bool | None = None


def most(what: str, value: float, limit: float, unit: str, *, digits: int = 2, note: str = "") -> Row:
    """A figure that may be at most `limit`."""
    text = f"{value:.{digits}f} {unit}{note}"
    return Row(what, text, value, f"{limit:g} {unit} at most", value <= limit)


def least(what: str, value: float, limit: float, unit: str, *, digits: int = 1, note: str = "") -> Row:
    """A figure that must be at least `limit`."""
    text = f"{value:.{digits}f} {unit}{note}"
    return Row(what, text, value, f"{limit:g} {unit} or more", value >= limit)


def told(what: str, value: float, unit: str, *, digits: int = 1, note: str = "") -> Row:
    """A figure that nobody asked for, but that explains the others."""
    return Row(what, f"{value:.{digits}f} {unit}{note}", value)


def fact(what: str, asked: str, holds: bool, *, measured: str = "") -> Row:
    """Something that is so or is not."""
    return Row(what, measured or ("yes" if holds else "no"), float(holds), asked, holds)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie; not a number where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.nan


def table(rows: Sequence[Row]) -> str:
    """The rows in aligned columns; whatever was missed stands out."""
    words = {None: "", True: "yes", False: "NO"}
    cells = [HEADER, *((row.what, row.asked, row.measured, words[row.holds]) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(f"  {line.rstrip()}" for line in lines)


def options(description: str | None) -> argparse.ArgumentParser:
    """What every part understands. A part that is told to end still ends what it has started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser


def finish(rows: Sequence[Row], out: Path | None) -> None:
    """Print the part's table, and keep it for whoever asked."""
    print(table(rows), flush=True)
    keep(rows, out)


def keep(rows: Sequence[Row], out: Path | None) -> None:
    """Write the figures to the file that was asked for, if one was."""
    if out is not None:
        out.write_text(json.dumps([plain(row) for row in rows], indent=1))


def plain(row: Row) -> dict[str, object]:
    """The row as strict JSON has it, which knows no NaN."""
    value = row.value if row.value is not None and math.isfinite(row.value) else None
    return {**asdict(row), "value": value}
