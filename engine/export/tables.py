"""A recording as tidy tables: one for each stream, and `requests`, `rounds`, `arms` and `marks`.

Parquet and CSV files have the same tables; docs/export.md lists them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from engine.documents import Cell, Descriptor, Mark
from engine.documents import Column as Told
from engine.export.passage import Passage, StreamRows
from engine.metrics import METRICS
from engine.recording import Recording, Table
from engine.recording.cells import Cells

CLOSING = ("requests", "rounds", "arms", "marks")
"""Tables that are not of one stream."""

Kind = Literal["integer", "number", "text", "flag"]

# A column is of one kind in every recording, whatever this one happens to hold. Whole numbers by nature are bit masks,
# bytes and counts; all other figures are floats.
_INTEGERS = {"throttle_reasons", "memory_used_bytes", "compute_processes", "request", "requests_finished"}
_INTEGERS |= {"round", "rounds", "slots", "block", "chunks", "preemptions", "requests_not_finished"}
_FLAGS = {"complete", "attributable"}
_TEXTS = {"arm", "label", "name", "unit", "reason", "reasons", "state", "finish_reason", "prompt", "devices"}
_TEXTS |= {"kind", "text", "data", "stream"}


@dataclass(frozen=True)
class Column:
    """A column: its kind, and where they are known its unit and meaning."""

    name: str
    kind: Kind
    unit: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Layout:
    """What a table is called and has in it; `about` is of this table alone.

    A stream's table has the stream's name in every row, so that the files of several streams can be read as one.
    """

    name: str
    columns: tuple[Column, ...]
    about: Mapping[str, Any]
    stream: str | None = None


def stream_layout(descriptor: Descriptor, table: StreamRows, name: str) -> Layout:
    """The layout of a stream's table, which is called `name`: of what is described, and of what is there besides."""
    columns = [Column("stream", "text"), Column("t_ns", "integer", "ns", "since the run's start")]
    for metric in table:
        told, known = descriptor.columns.get(metric), METRICS.get(metric)
        if metric != "t_ns":
            is_text = told is None and any(isinstance(cell, str) for cell in table.cells(metric))
            unit, meaning = told.unit if told else "", known.meaning if known else ""
            columns.append(Column(metric, "text" if is_text else stream_kind(metric, told), unit, meaning))
    about = {"stream": descriptor.model_dump(exclude_defaults=True)}
    return Layout(name, tuple(columns), about, descriptor.stream)


def stream_kind(metric: str, told: Told | None) -> Kind:
    """What a stream's column holds, by what its descriptor tells of it."""
    return "text" if told is not None and told.kind == "text" else _kind(metric)


def closing_tables(passage: Passage) -> Iterator[tuple[Layout, Table]]:
    """The tables that are not of one stream. `arms` has the whole summary in its metadata too."""
    summary = passage.recording.summary()
    yield _laid_out("requests", passage.requests.table())
    yield _laid_out("rounds", passage.rounds())
    yield _laid_out("arms", _of_rows(arm_rows(passage.recording, summary)), about={"summary": summary})
    yield _laid_out("marks", _of_rows([_mark_row(mark) for mark in passage.marks]))


def arm_rows(recording: Recording, summary: Mapping[str, Any]) -> list[dict[str, Cell]]:
    """Each arm's summary in one row, with the devices that it ran on."""
    rows: list[dict[str, Cell]] = []
    for info, arm in zip(recording.start.arms, summary["arms"], strict=True):
        figures = {name: value for name, value in arm.items() if name != "per_round"}
        devices: dict[str, Cell] = {"devices": ",".join(devices_of(recording, info.label))}
        rows.append(devices | _flat(figures))
    return rows


def devices_of(recording: Recording, label: str) -> list[str]:
    """The streams of the devices that arm `label` ran on; before starts told of them, the first there is."""
    arms = recording.start.arms
    if any(arm.devices for arm in arms):
        return next(arm.devices for arm in arms if arm.label == label)
    powered = (d.stream for d in recording.descriptors.values() if d.device is not None and "." not in d.stream)
    return list(powered)[:1]


def _laid_out(name: str, table: Table, about: Mapping[str, Any] | None = None) -> tuple[Layout, Table]:
    columns = tuple(Column(column, _kind(column), table.units.get(column) or _unit(column)) for column in table)
    return Layout(name, columns, about or {}), table


def _of_rows(rows: Sequence[Mapping[str, Cell]]) -> Table:
    columns = {name: Cells(text=_kind(name) == "text") for row in rows for name in row}
    for name, cells in columns.items():
        cells.extend([row.get(name) for row in rows])
    return Table(columns)


def _mark_row(mark: Mark) -> dict[str, Cell]:
    data = orjson.dumps(mark.data).decode() if mark.data else None
    when: dict[str, Cell] = {"kind": str(mark.kind), "t_ns": mark.t_ns, "end_t_ns": mark.end_t_ns}
    return {**when, "arm": mark.arm, "round": mark.round, "state": mark.state, "text": mark.text, "data": data}


def _flat(tree: Mapping[str, Any], before: str = "") -> dict[str, Cell]:
    """`{"power_watts": {"mean": 1.0}}` as `{"power_watts_mean": 1.0}`; lists of words with commas between."""
    found: dict[str, Cell] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{name}_")
        elif isinstance(value, list | tuple):
            found[before + name] = ",".join(map(str, value))
        else:
            found[before + name] = int(value) if isinstance(value, bool) else value
    return found


def _kind(name: str) -> Kind:
    if name in _TEXTS:
        return "text"
    if name in _FLAGS:
        return "flag"
    counted = name in _INTEGERS or name.endswith(("t_ns", "_tokens")) or name == "tokens"
    return "integer" if counted and "_per_" not in name else "number"


_UNITS = {"joules": "J", "watts": "W", "seconds": "s", "celsius": "°C", "megahertz": "MHz", "ns": "ns"}


def _unit(name: str) -> str:
    """The unit that is in the name; "" for counts, ratios and words."""
    parts = [] if "per" in name.split("_") else name.split("_")
    return next((_UNITS[part] for part in reversed(parts) if part in _UNITS), "")
