"""How fast an hour's recording is exported, each format in a process of its own; whether SQL finds its energy again."""

import json
import re
from pathlib import Path

import engine.recording
from bench.figures import Row, fact, most, told
from bench.recording.hour import write_hour
from bench.recording.reading import MOST_MB, ROOT, alone

_EXPORT = """
from pathlib import Path
from engine.export import export
export([race.path], {form!r}, Path({out!r}))
"""


def exporting(folder: Path) -> list[Row]:
    """The hour is written and exported; Parquet has a limit, the others are told."""
    path = folder / "hour.jsonl"
    write_hour(path)
    found: list[Row] = []
    for form in ("parquet", "csv", "perfetto", "openmetrics", "llem", "leaderboard"):
        out = folder / form
        seconds, mb, _ = alone(path, _EXPORT.format(form=form, out=str(out)))
        size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
        note = f"; {size:.0f} MB"
        if form == "parquet":
            found.append(most("an hour to Parquet", seconds, 5, "s", note=note))
            found.append(most("memory for that", mb, MOST_MB, "MB", digits=0))
            told_there, summary = _summary_in(out), engine.recording.open(path).summary()
            found.append(fact("the summary in it, to the last bit", "the recording's", told_there == summary))
        else:
            found.append(told(f"  to {form}", seconds, "s", note=f"{note}; {mb:.0f} MB of memory"))
    # Last: processes inherit the peak of memory of the one that starts them.
    found.append(most("energy by SQL, off by (in its uncertainties)", _off(path, folder / "parquet"), 1, "", digits=4))
    return found


def _summary_in(tables: Path) -> object:
    import pyarrow.parquet as pq

    return json.loads(pq.read_schema(tables / "arms.parquet").metadata[b"wattrace"])["summary"]


def _off(path: Path, tables: Path) -> float:
    """The farthest that the documentation's query is from an arm's summary, in uncertainties of that."""
    import duckdb

    sql = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/export.md").read_text(), re.DOTALL)[0]
    connection = duckdb.connect()
    connection.execute(f"SET file_search_path = '{tables}'")
    joules = dict(connection.execute(sql).fetchall())
    arms = engine.recording.open(path).summary()["arms"]
    return max(abs(joules[arm["label"]] - arm["energy_joules"]) / arm["uncertainty_joules"] for arm in arms)
