"""How large a race's report is, and how long it takes to write."""

from pathlib import Path

from bench.figures import Row, most, told
from bench.recording.hour import write_hour
from bench.recording.reading import alone

SECONDS, REQUESTS = 300, 1_667
"""Five minutes, as busy as the hour."""

_REPORT = """
from engine.footprint import Electricity
from server.report import read_facts, report_html
found = len(report_html(read_facts(race.path, Electricity(None, None))))
"""


def reporting(folder: Path) -> list[Row]:
    """A report of five minutes, in a process of its own."""
    path = folder / "race.jsonl"
    write_hour(path, seconds=SECONDS, requests=REQUESTS)
    seconds, mb, size = alone(path, _REPORT)
    assert isinstance(size, int)
    return [
        most("a report of five minutes, two GPUs at 100 Hz", size / 1e6, 3, "MB"),
        told("  writing it", seconds, "s", note=f"; {mb:.0f} MB of memory"),
    ]
