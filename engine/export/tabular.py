"""A recording as files of tables: `parquet` and `csv`."""

import re
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from engine.documents import Descriptor
from engine.errors import ExportError
from engine.export.about import about
from engine.export.passage import ReadPages, StreamRows, read_through
from engine.export.tables import CLOSING, Layout, closing_tables, stream_layout
from engine.recording import Recording

_STREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class TableFile(Protocol):
    """A file that one table goes into."""

    layout: Layout

    def write(self, table: StreamRows) -> None:
        """Append rows."""

    def close(self) -> None:
        """End the file."""


Open = Callable[[Path, Layout, Mapping[str, Any]], TableFile]


def export_tables(recording: Recording, folder: Path, open_file: Open, read_pages: ReadPages | None = None) -> None:
    """Write every table of `recording` into `folder`; `read_pages` is a faster way than page by page."""
    told = about(recording)
    with closing(_Streams(lambda layout: open_file(folder, layout, told))) as streams:
        passage = read_through(recording, streams.rows, read_pages)
    for layout, table in closing_tables(passage):
        with closing(open_file(folder, layout, told)) as file:
            file.write(table)


class _Streams:
    """A file for each stream. One that is described anew with other columns goes on in another file: `gpu0.2`."""

    def __init__(self, open_file: Callable[[Layout], TableFile]) -> None:
        self._open = open_file
        self._files: dict[str, list[TableFile]] = {}

    def rows(self, descriptor: Descriptor, table: StreamRows) -> None:
        """Write rows of a stream."""
        self._file(descriptor, table).write(table)

    def close(self) -> None:
        """End all files."""
        for files in self._files.values():
            for file in files:
                file.close()

    def _file(self, descriptor: Descriptor, table: StreamRows) -> TableFile:
        if not _STREAM.fullmatch(descriptor.stream) or descriptor.stream in CLOSING:
            raise ExportError(descriptor.stream, "no file can have the name of this stream")
        files = self._files.setdefault(descriptor.stream, [])
        if not files or _names(files[-1].layout) != ["stream", *table]:
            name = f"{descriptor.stream}.{len(files) + 1}" if files else descriptor.stream
            files.append(self._open(stream_layout(descriptor, table, name)))
        return files[-1]


def _names(layout: Layout) -> list[str]:
    return [column.name for column in layout.columns]
