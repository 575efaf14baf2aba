"""One pass through a recording: rows of every stream as they come, and at the end what happened."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from engine.documents import Cell, Descriptor, Document, Mark, Page
from engine.errors import RecordingError
from engine.recording import Recording, Table
from engine.recording.cells import Cells, Rows
from engine.recording.lines import read_lines
from engine.recording.reader import decode_line
from engine.recording.spans import stream_of
from engine.recording.turns import RequestRows, rounds_table

ROWS = 32_768
"""Rows of a stream that are collected before they are handed on: a few megabytes, and one of Parquet's row groups."""

_PAGES = 16
"""Pages that are put together at once. One by one they take twice as long; so do hundreds, which leave the cache."""

_TOGETHER_BYTES = 8 << 20
"""So much of the file is collected before its pages, those of each stream together, are read."""

_TURN_SECONDS = 0.001
"""So long one thread may keep Python from the other: with the usual 5 ms, what reads pages waits more than it reads."""


class StreamRows(Protocol):
    """Rows of one stream: `t_ns` and its columns."""

    def __iter__(self) -> Iterator[str]:
        """The columns' names."""

    def __len__(self) -> int:
        """How many rows."""

    def to_arrow(self) -> Any:
        """As a pyarrow.Table."""

    def cells(self, name: str) -> list[Cell]:
        """One column as documents have it."""


RowsSink = Callable[[Descriptor, StreamRows], None]
ReadPages = Callable[[Sequence[bytes], Descriptor], StreamRows | None]
"""Reads many pages of one stream, each a whole line; None where each of them has to be looked at."""


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


def read_through(recording: Recording, on_rows: RowsSink, read_pages: ReadPages | None = None) -> Passage:
    """Read all of it once; `on_rows` gets each stream's rows in pieces, each with the stream's newest descriptor.

    A page without a descriptor is described as empty. Where the seal says that the bytes are those a run has written,
    pages are left to `read_pages`.
    """
    course = _Course(Passage(recording), on_rows)
    sealed = recording.cut_off is None and recording.stop is not None and recording.stop.digest is not None
    if read_pages is not None and sealed:
        _Together(course, read_pages).read()
    else:
        for document in recording.documents():
            course.take(document)
    course.end()
    return course.passage


class _Course:
    """Documents one by one. Rows wait until there are enough of them; before that pages until they are worth it."""

    def __init__(self, passage: Passage, on_rows: RowsSink) -> None:
        self.passage, self.on_rows = passage, on_rows
        self.descriptors: dict[str, Descriptor] = {}
        self._pages: dict[str, list[Page]] = {}
        self._rows: dict[str, Rows] = {}

    def take(self, document: Document) -> None:
        """The next document."""
        match document:
            case Page():
                self._add(document)
                if document.stream.startswith("text.") and "request" in document.data:
                    self.passage.requests.chunks(document.t_ns, document.data["request"])
            case Mark():
                self.passage.requests.mark(document)
                if document.request is None:
                    self.passage.marks.append(document)
            case Descriptor():
                self.tell(document.stream)
                self.descriptors[document.stream] = document
            case _:
                pass

    def end(self) -> None:
        """Hand on what is left."""
        for stream in {**self._rows, **self._pages}:
            self.tell(stream)

    def tell(self, stream: str) -> None:
        """Hand on what there is of a stream."""
        self._enter(stream)
        rows = self._rows.pop(stream)
        if not rows:
            return
        descriptor = self.descriptors.get(stream) or Descriptor(stream=stream, t_ns=0, source="", columns={})
        names = dict.fromkeys([*descriptor.columns, *rows.columns])
        columns = {name: rows.columns.get(name) or Cells(missing=len(rows)) for name in names}
        units = {name: told.unit for name, told in descriptor.columns.items()}
        self.on_rows(descriptor, Table({"t_ns": rows.t_ns, **columns}, units=units))

    def _add(self, page: Page) -> None:
        pages = self._pages.setdefault(page.stream, [])
        pages.append(page)
        if len(pages) >= _PAGES:
            self._enter(page.stream)
            if len(self._rows[page.stream]) >= ROWS:
                self.tell(page.stream)

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


@contextmanager
def _taking_turns() -> Iterator[None]:
    """Two threads that both need Python often, and briefly."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


class _Together:
    """Pages by the thousand: those of each stream are collected as lines, and read at once.

    They are read by a thread, while the next ones are collected and marks are taken, and handed on by another one.
    """

    def __init__(self, course: _Course, read_pages: ReadPages) -> None:
        self._course, self._read_pages = course, read_pages
        self._path = course.passage.recording.path
        self._lines: dict[bytes, list[bytes]] = {}
        self._held_bytes = 0
        self._reader, self._writer = ThreadPoolExecutor(1, "export-read"), ThreadPoolExecutor(1, "export-write")
        self._under_way: Future[None] | None = None
        self._written: Future[None] | None = None

    def read(self) -> None:
        """Read all of the file. Raises RecordingError with the line, as whoever looks at each does."""
        with self._writer, self._reader, _taking_turns():
            for number, line in enumerate(read_lines(self._path), start=1):
                if (stream := stream_of(line)) is not None:
                    self._collect(stream, line)
                    continue
                document = decode_line(line, path=self._path, number=number)
                if not isinstance(document, Mark):  # nothing may overtake a descriptor
                    self._hand_on()
                    self._wait()
                self._course.take(document)
            self._hand_on()
            self._wait()

    def _collect(self, stream: bytes, line: bytes) -> None:
        self._lines.setdefault(stream, []).append(line)
        self._held_bytes += len(line)
        if self._held_bytes >= _TOGETHER_BYTES:
            self._hand_on()

    def _hand_on(self) -> None:
        self._wait()
        self._under_way = self._reader.submit(self._read, self._lines)
        self._lines, self._held_bytes = {}, 0

    def _wait(self) -> None:
        if self._under_way is not None:
            self._under_way.result()

    def _read(self, found: Mapping[bytes, Sequence[bytes]]) -> None:
        for stream, lines in found.items():
            self._rows(stream.decode(), lines)
        self._wait_for_writing()

    def _wait_for_writing(self) -> None:
        if self._written is not None:
            self._written.result()

    def _rows(self, stream: str, lines: Sequence[bytes]) -> None:
        descriptor = self._course.descriptors.get(stream)
        rows = self._read_pages(lines, descriptor) if descriptor is not None else None
        self._wait_for_writing()
        if descriptor is None or rows is None:
            self._one_by_one(lines)
            return
        self._course.tell(stream)
        self._written = self._writer.submit(self._course.on_rows, descriptor, rows)
        if stream.startswith("text.") and "request" in rows:
            self._course.passage.requests.chunks(rows.cells("t_ns"), rows.cells("request"))

    def _one_by_one(self, lines: Sequence[bytes]) -> None:
        try:
            for line in lines:
                self._course.take(decode_line(line, path=self._path, number=0))
        except RecordingError:
            for _ in self._course.passage.recording.documents():  # it fails there too, and knows the line
                pass
            raise
