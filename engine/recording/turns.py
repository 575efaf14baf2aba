"""Requests and rounds as tables, out of a recording's marks. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.clock import NS
from engine.documents import Cell, Mark, MarkKind
from engine.recording.cells import Cells, Rows
from engine.recording.table import Table

_TEXT = {"arm", "state", "finish_reason", "prompt", "reason", "reasons"}

REQUEST_UNITS = {
    "submitted_t_ns": "ns",
    "first_token_t_ns": "ns",
    "last_token_t_ns": "ns",
    "ended_t_ns": "ns",
    "ttft_seconds": "s",
    "e2e_seconds": "s",
}
_TOLD = ("prompt_tokens", "completion_tokens", "finish_reason")
_REQUEST_COLUMNS = (
    "request",
    "arm",
    "round",
    "state",
    "submitted_t_ns",
    "first_token_t_ns",
    "last_token_t_ns",
    "ended_t_ns",
    "prompt_tokens",
    "completion_tokens",
    "chunks",
    "finish_reason",
    "ttft_seconds",
    "e2e_seconds",
    "prompt",
)


def requests_table(marks: Iterable[Mark], texts: Mapping[str, Rows]) -> Table:
    """One row a request, in the order in which they were sent.

    `state` is finished, failed, withdrawn or open; `texts` are the rows of the streams of chunks.
    """
    found = RequestRows()
    for mark in marks:
        found.mark(mark)
    for rows in texts.values():
        if (numbers := rows.columns.get("request")) is not None:
            found.chunks(rows.t_ns.cells(), numbers.cells())
    return found.table()


class RequestRows:
    """The rows of the table of requests as they become known."""

    def __init__(self) -> None:
        self._found: dict[int, dict[str, Cell]] = {}
        self._newest: dict[Cell, Cell] = {}
        self._chunks: Counter[Cell] = Counter()

    def mark(self, mark: Mark) -> None:
        """Take a mark; one that is about no request is passed over."""
        if mark.request is not None:
            _enter(self._found, mark)

    def chunks(self, times: Sequence[Cell], requests: Sequence[Cell]) -> None:
        """Take chunks of answers: when each came, and to which request it belongs."""
        if set(map(type, requests)) != {int}:  # a float is no request, though it may be equal to one
            both = [pair for pair in zip(times, requests, strict=True) if type(pair[1]) is int]
            times, requests = [t_ns for t_ns, _ in both], [request for _, request in both]
        self._newest.update(zip(requests, times, strict=True))
        self._chunks.update(requests)

    def table(self) -> Table:
        """All of them, in the order in which they were sent."""
        for request, row in self._found.items():
            if request in self._newest:
                row.update(last_token_t_ns=self._newest[request], chunks=self._chunks[request])
            row["ttft_seconds"] = _seconds(row.get("submitted_t_ns"), row.get("first_token_t_ns"))
            row["e2e_seconds"] = _seconds(row.get("submitted_t_ns"), row.get("last_token_t_ns"))
        return _table(_REQUEST_COLUMNS, self._found.values(), REQUEST_UNITS)


def _enter(found: dict[int, dict[str, Cell]], mark: Mark) -> None:
    assert mark.request is not None
    row = found.setdefault(mark.request, {"request": mark.request, "state": "open"})
    row.update(arm=mark.arm, round=mark.round)
    match mark.kind:
        case MarkKind.REQUEST_SUBMITTED:
            row.update(submitted_t_ns=mark.t_ns, prompt=mark.text)
        case MarkKind.REQUEST_FIRST_TOKEN:
            row.update(first_token_t_ns=mark.t_ns)
        case MarkKind.REQUEST_FINISHED:
            told = {name: _cell(mark.data.get(name)) for name in _TOLD}
            row.update(state="finished", ended_t_ns=mark.t_ns, **told)
        case MarkKind.REQUEST_FAILED:
            row.update(state=mark.state or "failed", ended_t_ns=mark.t_ns)
        case _:
            pass


def rounds_table(marks: Sequence[Mark], summary: Mapping[str, Any]) -> Table:
    """One row a round, in the order in which they began; figures as the summary's `per_round`, names joined by `_`."""
    found: dict[tuple[Any, Any], dict[str, Cell]] = {}
    for mark in marks:
        if mark.kind is MarkKind.ROUND_BEGIN:
            row: dict[str, Cell] = {"arm": mark.arm, "round": mark.round, "begin_t_ns": mark.t_ns}
            row["block"], row["slots"] = _cell(mark.data.get("block")), _cell(mark.data.get("slots"))
            found[mark.arm, mark.round] = row
        elif mark.kind is MarkKind.ROUND_END and (begun := found.get((mark.arm, mark.round))):
            begun.update(cutoff_t_ns=mark.t_ns, drained_t_ns=mark.end_t_ns, reason=_cell(mark.data.get("reason")))
    for arm in summary["arms"]:
        for figures in arm["per_round"]:
            if (told := found.get((arm["label"], figures["round"]))) is not None:
                told.update(_flat(figures))
    first = ("arm", "round", "block", "slots", "begin_t_ns", "cutoff_t_ns", "drained_t_ns", "complete", "reason")
    names = dict.fromkeys([*first, *(name for row in found.values() for name in row)])
    units = {name: unit for name in names for ending, unit in _ENDINGS.items() if name.endswith(ending)}
    return _table(tuple(names), found.values(), units)


_ENDINGS = {
    "t_ns": "ns",
    "seconds": "s",
    "joules": "J",
    "joules_above_idle": "J",
    "watts_mean": "W",
    "watts_peak": "W",
    "joules_per_token": "J",
    "tokens_per_second": "1/s",
}


def _flat(tree: Mapping[str, Any], before: str = "") -> dict[str, Cell]:
    """Leaves by their path: `steady.power_watts.mean` is `steady_power_watts_mean`."""
    found: dict[str, Cell] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{name}_")
        elif name != "round":
            found[before + name] = _cell(value)
    return found


def _cell(value: Any) -> Cell:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return int(value) if isinstance(value, bool) else value


def _seconds(begin: Cell | None, end: Cell | None) -> float | None:
    return (end - begin) / NS if isinstance(begin, int) and isinstance(end, int) else None


def _table(names: Sequence[str], rows: Iterable[Mapping[str, Cell]], units: Mapping[str, str]) -> Table:
    told = list(rows)
    columns = {name: Cells(text=name in _TEXT) for name in names}
    for name, cells in columns.items():
        cells.extend([row.get(name) for row in told])
    return Table(columns, units=units)
