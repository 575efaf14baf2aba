"""One pass through a recording: rows of every stream as they come, and at the end what happened."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain

from engine.documents import Descriptor, Mark, Page
from engine.export.pages import SealedPage, documents
from engine.recording import Recording, Table
from engine.recording.cells import Cells, Rows
from engine.recording.turns import RequestRows, rounds_table

ROWS = 32_768
"""Rows of a stream that are collected before they are handed on: a few megabytes, and one of Parquet's row groups."""

_PAGES = 16
"""Pages that are put together at once. One by one they take twice as long; so do hundreds, which leave the cache."""

RowsSink = Callable[[Descriptor, Table], None]


@dataclass
class Passage:
    """What a recording tells besides its samples. A long one has many requests, whose marks are not kept."""

    recording: Recording
    requests: RequestRows = field(default_factory=RequestRows)
    marks: list[Mark] = field(default_factory=list)
    """All but those of requests."""

    def rounds(self) -> Table:
        """One row a round."""
        return rounds_table(self.marks, self.recording.summary())


def read_through(recording: Recording, on_rows: RowsSink) -> Passage:
    """Read all of it once; `on_rows` gets each stream's rows in pieces, each with the stream's newest descriptor.

    A page without a descriptor is described as empty.
    """
    passage, waiting = Passage(recording), _Waiting(on_rows)
    for document in documents(recording):
        match document:
            case Page() | SealedPage():
                waiting.add(document)
                if document.stream.startswith("text.") and "request" in document.data:
                    passage.requests.chunks(document.t_ns, document.data["request"])
            case Mark():
                passage.requests.mark(document)
                if document.request is None:
                    passage.marks.append(document)
            case Descriptor():
                waiting.describe(document)
            case _:
                pass
    waiting.end()
    return passage


class _Waiting:
    """Rows that wait until there are enough of them; before that pages wait until they are worth a column's while."""

    def __init__(self, on_rows: RowsSink) -> None:
        self._on_rows = on_rows
        self._descriptors: dict[str, Descriptor] = {}
        self._pages: dict[str, list[Page | SealedPage]] = {}
        self._rows: dict[str, Rows] = {}

    def describe(self, descriptor: Descriptor) -> None:
        """A stream is announced, perhaps anew."""
        self._tell(descriptor.stream)
        self._descriptors[descriptor.stream] = descriptor

    def add(self, page: Page | SealedPage) -> None:
        """Take a page."""
        pages = self._pages.setdefault(page.stream, [])
        pages.append(page)
        if len(pages) >= _PAGES:
            self._enter(page.stream)
            if len(self._rows[page.stream]) >= ROWS:
                self._tell(page.stream)

    def end(self) -> None:
        """Hand on what is left."""
        for stream in {**self._rows, **self._pages}:
            self._tell(stream)

    def _enter(self, stream: str) -> None:
        """Pages into columns; as one, where they have the same columns."""
        pages, rows = self._pages.pop(stream, []), self._rows.setdefault(stream, Rows())
        if any(page.data.keys() != pages[0].data.keys() for page in pages):
            for page in pages:
                rows.add(page.t_ns, page.data)
        elif pages:
            times = list(chain.from_iterable([page.t_ns for page in pages]))
            data = {name: list(chain.from_iterable([page.data[name] for page in pages])) for name in pages[0].data}
            rows.add(times, data)

    def _tell(self, stream: str) -> None:
        self._enter(stream)
        rows = self._rows.pop(stream)
        if not rows:
            return
        descriptor = self._descriptors.get(stream) or Descriptor(stream=stream, t_ns=0, source="", columns={})
        names = dict.fromkeys([*descriptor.columns, *rows.columns])
        columns = {name: rows.columns.get(name) or Cells(missing=len(rows)) for name in names}
        units = {name: told.unit for name, told in descriptor.columns.items()}
        self._on_rows(descriptor, Table({"t_ns": rows.t_ns, **columns}, units=units))
