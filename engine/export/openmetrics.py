"""OpenMetrics text with timestamps: what Prometheus' `promtool tsdb create-blocks-from openmetrics` takes.

A family's samples must stand together and the file may be far larger than the memory, so that each series goes into a
file of its own first.
"""

import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from engine.documents import Cell
from engine.export.about import about
from engine.export.tables import arm_rows
from engine.metrics import METRICS
from engine.recording import Recording

_UNITS = ("watts", "joules", "celsius", "percent", "megahertz", "bytes", "microseconds", "seconds")
_WORK = {"text": ("tokens", "streamed_tokens"), "progress": ("units", "units")}
"""Of the streams of work: the column that tells how much, and what its sum is called."""


def export_metrics(recording: Recording, folder: Path) -> None:
    """Write `metrics.txt` into `folder`. Missing readings have no sample."""
    with tempfile.TemporaryDirectory(dir=folder) as drafts, (folder / "metrics.txt").open("wb") as out:
        series = _Series(Path(drafts), recording)
        for stream, table in recording.batches():
            series.add(stream, table.columns["t_ns"].cells(), {n: c.cells() for n, c in table.columns.items()})
        out.write(_info(recording).encode())
        series.append_to(out)
        out.write(_summary(recording).encode())
        out.write(b"# EOF\n")


class _Series:
    """Every series in a file of its own, so that families can be put together."""

    def __init__(self, folder: Path, recording: Recording) -> None:
        self._folder, self._recording = folder, recording
        self._zero_ns = _unix_ns(recording.start.utc)
        self._files: dict[str, dict[str, Path]] = {}
        self._kinds: dict[str, str] = {}
        self._sums: dict[str, float] = {}

    def add(self, stream: str, times: list[Cell], columns: Mapping[str, list[Cell]]) -> None:
        """Take rows of a stream."""
        kind, _, label = stream.partition(".")
        if kind in _WORK:
            column, name = _WORK[kind]
            amounts = [value if isinstance(value, int | float) else 0 for value in columns.get(column, [])]
            sums = list(accumulate(amounts, initial=self._sums.get(stream, 0)))
            self._sums[stream] = sums[-1]
            self._write(name, "counter", stream, {"arm": label}, zip(times, sums[1:], strict=False))
            return
        descriptor = self._recording.descriptors.get(stream)
        for name, told in (descriptor.columns if descriptor else {}).items():
            if told.kind != "text" and name in columns:
                self._write(name, told.kind, stream, {"stream": stream}, zip(times, columns[name], strict=True))

    def _write(self, column: str, kind: str, stream: str, about: Mapping[str, str], rows: Iterable[Any]) -> None:
        name = family(column)
        self._kinds.setdefault(name, kind)
        sample = f"{name}_total" if kind == "counter" else name
        labels = _labels({"run": self._recording.start.run, **about, "simulated": _simulated(self._recording)})
        series = self._files.setdefault(name, {})
        path = series.setdefault(stream, self._folder / f"{name}.{len(series)}")
        with path.open("a", encoding="utf-8") as file:
            file.writelines(
                f"{sample}{labels} {value!r} {_seconds(self._zero_ns + t_ns)}\n"
                for t_ns, value in rows
                if isinstance(value, int | float)
            )

    def append_to(self, out: Any) -> None:
        """Put the families one after the other."""
        for name, files in self._files.items():
            out.write(_head(name, self._kinds[name], _meaning(name)).encode())
            for path in files.values():
                with path.open("rb") as file:
                    shutil.copyfileobj(file, out)
                path.unlink()


def family(column: str) -> str:
    """The name of a column's metric."""
    return "wattrace_" + re.sub(r"[^a-zA-Z0-9_]", "_", column)


def _info(recording: Recording) -> str:
    told = about(recording)
    labels = {name: told[name] for name in ("run", "utc", "wattrace_version", "complete", "cut_off", "exit_status")}
    labels |= {"demo": told["demo"].get("name"), "simulated": _simulated(recording)}
    return _head("wattrace_run", "info", "What the samples are of.") + f"wattrace_run_info{_labels(labels)} 1\n"


def _summary(recording: Recording) -> str:
    """Each arm's figures, at the end of the run."""
    stop = recording.stop
    newest = max([mark.t_ns for mark in recording.marks], default=0)
    when = _seconds(_unix_ns(recording.start.utc) + (stop.t_ns if stop else newest))
    families: dict[str, list[str]] = {}
    for row in arm_rows(recording, recording.summary()):
        labels = {"run": recording.start.run, "arm": row["label"], "name": row["name"], "unit": row["unit"]}
        written = _labels({**labels, "simulated": _simulated(recording)})
        for name, value in row.items():
            if isinstance(value, int | float):
                own = families.setdefault(family(f"arm_{name}"), [])
                own.append(f"wattrace_arm_{name}{written} {value!r} {when}\n")
    meaning = "An arm's figure over the run."
    return "".join(_head(name, "gauge", meaning) + "".join(own) for name, own in families.items())


def _simulated(recording: Recording) -> str:
    """As `/metrics` has it."""
    return "true" if any(recording.start.simulated.values()) else "false"


def _head(name: str, kind: str, meaning: str) -> str:
    unit = next((unit for unit in _UNITS if name.endswith(f"_{unit}")), None)
    told = f"# UNIT {name} {unit}\n" if unit else ""
    return f"# TYPE {name} {kind}\n{told}# HELP {name} {_escaped(meaning)}\n"


def _meaning(name: str) -> str:
    column = name.removeprefix("wattrace_")
    return METRICS[column].meaning if column in METRICS else "Work done since the run's start."


def _labels(labels: Mapping[str, Any]) -> str:
    words = (f'{name}="{_escaped(_word(value))}"' for name, value in labels.items() if value is not None)
    return "{" + ",".join(words) + "}"


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _unix_ns(utc: str) -> int:
    since = datetime.fromisoformat(utc).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1) * 1000


def _seconds(unix_ns: int) -> str:
    return f"{unix_ns // 1_000_000_000}.{unix_ns % 1_000_000_000:09d}"
