"""A recording as an object: what it says, and its samples, requests and rounds as tables.

Nothing is read before it is asked for, and what was learnt of a whole file is kept until the file has grown.
"""

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from engine.documents import Descriptor, Document, Mark, Page, Start, Stop
from engine.errors import RecordingError
from engine.ledger import outcome, told
from engine.metrics import METRICS
from engine.recording.blocks import Blocks
from engine.recording.books import read_ledger
from engine.recording.cells import Cells, Rows
from engine.recording.ending import Ending, read_ending
from engine.recording.following import follow_file
from engine.recording.lines import read_lines
from engine.recording.outline import Outline, read_descriptors, read_start
from engine.recording.reader import Reader, decode_line
from engine.recording.spans import Span, is_page, page_of, span
from engine.recording.table import Table
from engine.recording.turns import requests_table, rounds_table

_FOREVER_NS = 2**63 - 1

_Read = TypeVar("_Read")


class Recording:
    """The recording in the file `path`, packed or not. What is no recording raises RecordingError when it is read.

    `async for` gives every document, those of a race that is still running too, as they come.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[Callable[[Path], Any], Any] = {}
        self._size = -1

    def _learnt(self, read: Callable[[Path], _Read]) -> _Read:
        """What `read` finds in the file, read once for as long as the file does not grow."""
        size = self.path.stat().st_size if self.path.exists() else -1
        if size != self._size:
            self._known.clear()
            self._size = size
        if read not in self._known:
            self._known[read] = read(self.path)
        found: _Read = self._known[read]
        return found

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self.path)

    @cached_property
    def _seen(self) -> Outline:
        return Outline(self.path)

    @property
    def _outline(self) -> Outline:
        return self._seen.look_on()

    @property
    def _ending(self) -> Ending:
        return self._learnt(read_ending)

    # -- what it says

    @cached_property
    def start(self) -> Start:
        """Its first document."""
        return read_start(self.path)

    @property
    def stop(self) -> Stop | None:
        """Its last document; None where it was cut off."""
        return self._ending.stop

    @property
    def cut_off(self) -> str | None:
        """Why it is not whole, or not as it was written, in words; None if it is both."""
        return self._ending.cut_off

    @property
    def descriptors(self) -> dict[str, Descriptor]:
        """What each stream holds, by the stream's name."""
        return dict(self._learnt(self._described) if self._blocks.packed else self._outline.descriptors)

    def _described(self, path: Path) -> dict[str, Descriptor]:
        """Out of a packed file's index, so that a window's samples need no look at the rest."""
        lines = self._blocks.describing()
        return self._outline.descriptors if lines is None else read_descriptors(lines, path)

    @property
    def marks(self) -> list[Mark]:
        """Everything that happened, in the order in which it became known."""
        return list(self._outline.marks)

    def documents(self, *, from_ns: int | None = None, to_ns: int | None = None) -> Iterator[Document]:
        """Every document, in the file's order; with `from_ns` or `to_ns` those that tell of that time."""
        if from_ns is None and to_ns is None:
            yield from Reader(self.path)
            return
        for number, line in self._lines(from_ns, to_ns):
            yield decode_line(line, path=self.path, number=number)

    # -- tables

    def samples(
        self, metric: str, *, stream: str | None = None, from_ns: int | None = None, to_ns: int | None = None
    ) -> Table:
        """Every reading of `metric`: columns `stream`, `t_ns` and the metric, ordered by stream, then by time.

        With `stream` of that one only; with `from_ns` or `to_ns` of that time only, both included. Raises
        RecordingError where no stream has the metric.
        """
        having = [name for name, found in self.descriptors.items() if metric in found.columns]
        wanted = [name for name in having if stream in (None, name)]
        if not wanted:
            where = f"stream {stream!r}" if stream else "any of its streams"
            known = sorted({column for found in self.descriptors.values() for column in found.columns})
            raise RecordingError(self.path, f"has no {metric} in {where}; there are {', '.join(known)}")
        columns = {"stream": Cells(text=True), "t_ns": Cells(), metric: Cells()}
        for name, rows in self._rows(wanted, from_ns, to_ns, only=metric).items():
            times = rows.t_ns.values
            first = 0 if from_ns is None else bisect_left(times, from_ns)  # type: ignore[type-var]  # whole
            last = len(times) if to_ns is None else bisect_right(times, to_ns)  # type: ignore[type-var]  # whole
            columns["stream"].extend([name] * (last - first))
            columns["t_ns"].join(rows.t_ns.part(first, last))
            columns[metric].join((rows.columns.get(metric) or Cells(missing=len(rows))).part(first, last))
        return Table(columns, units={"t_ns": "ns", metric: self.descriptors[wanted[0]].columns[metric].unit})

    def stream(self, name: str) -> Table:
        """Every row of stream `name`, with all its columns. Raises RecordingError where there is no such stream."""
        if name not in self.descriptors:
            raise RecordingError(self.path, f"has no stream {name!r}; there are {', '.join(self.descriptors)}")
        rows = self._rows([name])[name]
        units = {column: told.unit for column, told in self.descriptors[name].columns.items()}
        return Table({"t_ns": rows.t_ns, **rows.columns}, units={"t_ns": "ns", **units})

    def batches(self, rows: int = 65_536) -> Iterator[tuple[str, Table]]:
        """Every stream's rows in one pass, at most about `rows` of them in memory for each stream at a time."""
        waiting: dict[str, Rows] = {}
        for page in self._pages():
            told = waiting.setdefault(page.stream, Rows())
            told.add(page.t_ns, page.data)
            if len(told) >= rows:
                yield page.stream, self._table(page.stream, waiting.pop(page.stream))
        for name, told in waiting.items():
            yield name, self._table(name, told)

    def requests(self) -> Table:
        """One row a request: when it was sent and answered, and what came of it."""
        streams = [name for name in self.descriptors if name.startswith("text.")]
        return requests_table(self._outline.marks, self._rows(streams, only="request"))

    def rounds(self) -> Table:
        """One row a round: when it was, and its figures, which are those of `summary()`."""
        return rounds_table(self._outline.marks, self.summary())

    def summary(self) -> dict[str, Any]:
        """What came of it: the object that `wattrace compare --json` prints.

        A run tells it in its own stop document, and that is what this is where the recording is whole and as it was
        written. Else it is worked out from the samples, which `wattrace check` does of any recording, to the last bit.
        """
        stop = self.stop
        if stop is not None and stop.digest is not None and stop.arms and self.cut_off is None:
            return told(self.start, stop)
        return self._learnt(_worked_out)

    # -- while it is written

    def __aiter__(self) -> AsyncIterator[Document]:
        return self.follow()

    def follow(self, *, quiet_seconds: float | None = None) -> AsyncIterator[Document]:
        """Every document, those to come too, until the stop.

        A recording whose writer was killed gets none: it is given up when nothing came for `quiet_seconds`.
        """
        return follow_file(self.path, quiet_seconds=quiet_seconds)

    # -- reading

    def _table(self, stream: str, rows: Rows) -> Table:
        described = self._outline.descriptors.get(stream)
        names = [*(described.columns if described else ()), *rows.columns]
        columns = {name: rows.columns.get(name) or Cells(missing=len(rows)) for name in dict.fromkeys(names)}
        units = {name: METRICS[name].unit for name in columns if name in METRICS}
        return Table({"t_ns": rows.t_ns, **columns}, units={"t_ns": "ns", **units})

    def _rows(
        self, streams: Sequence[str], from_ns: int | None = None, to_ns: int | None = None, *, only: str | None = None
    ) -> dict[str, Rows]:
        """The rows of these streams, with all columns, or one only, that may be of that time."""
        found = {name: Rows() for name in streams}
        for page in self._pages(streams, from_ns, to_ns) if streams else ():
            data = page.data if only is None else {only: page.data[only]} if only in page.data else {}
            found[page.stream].add(page.t_ns, data)
        return found

    def _pages(
        self, streams: Sequence[str] = (), from_ns: int | None = None, to_ns: int | None = None
    ) -> Iterator[Page]:
        """The pages of these streams, of all where none is named, that may tell of that time; no others are decoded."""
        begins = tuple(page_of(name) for name in streams)
        for number, line in self._lines(from_ns, to_ns):
            if begins and is_page(line) and not line.startswith(begins):
                continue
            document = decode_line(line, path=self.path, number=number)
            if isinstance(document, Page) and (not streams or document.stream in streams):
                yield document

    def _lines(self, from_ns: int | None, to_ns: int | None) -> Iterator[tuple[int, bytes]]:
        """The whole lines that may tell of that time, each with its number."""
        if from_ns is None and to_ns is None:
            whole = (line for line in read_lines(self.path) if line.endswith(b"\n"))
            return enumerate(whole, start=1)
        window = (from_ns or 0, _FOREVER_NS if to_ns is None else to_ns)
        return ((number, line) for number, line in self._blocks.between(*window) if _meet(span(line), window))


def _meet(happened: Span | None, window: Span) -> bool:
    return happened is None or (happened[0] <= window[1] and happened[1] >= window[0])


def _worked_out(path: Path) -> dict[str, Any]:
    return outcome(*read_ledger(path))
