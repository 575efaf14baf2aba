"""What a recording says besides its samples: start, descriptors, marks."""

from collections.abc import Iterable
from pathlib import Path

from engine.documents import Descriptor, Mark, Start
from engine.errors import RecordingError
from engine.recording.lines import is_packed, read_appended, read_lines
from engine.recording.reader import decode_line
from engine.recording.spans import is_page, may_describe


class Outline:
    """All documents but the pages, which are not looked at; of a file that grows those until the last look.

    `descriptors` has the newest of each stream, `marks` all of them in the file's order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forget()

    def _forget(self) -> None:
        self.descriptors: dict[str, Descriptor] = {}
        self.marks: list[Mark] = []
        self._bytes = self._lines = 0
        """How much of the file was looked at; a packed one is looked at as a whole."""

    def look_on(self) -> "Outline":
        """Look at what was appended since. Raises RecordingError for what cannot be read."""
        size = self.path.stat().st_size if self.path.exists() else -1
        if size == self._bytes:
            return self
        packed = is_packed(self.path)
        if packed or size < self._bytes:
            self._forget()
        for line in read_lines(self.path) if packed else read_appended(self.path, self._bytes):
            if line.endswith(b"\n"):
                self._enter(line)
        self._bytes = size if packed else self._bytes
        return self

    def _enter(self, line: bytes) -> None:
        if not is_page(line):
            match decode_line(line, path=self.path, number=self._lines + 1):
                case Descriptor() as descriptor:
                    self.descriptors[descriptor.stream] = descriptor
                case Mark() as mark:
                    self.marks.append(mark)
                case _:
                    pass
        self._lines, self._bytes = self._lines + 1, self._bytes + len(line)


def read_start(path: Path) -> Start:
    """The recording's first document. Raises RecordingError for what is no recording."""
    first = next(read_lines(path), b"")
    if not first.endswith(b"\n"):
        raise RecordingError(path, "holds no documents" + (": it was cut off in its first line" * bool(first)))
    start = decode_line(first, path=path, number=1)
    if not isinstance(start, Start):
        raise RecordingError(path, "not a recording: its first document is not a start", line=1)
    return start


def read_descriptors(lines: Iterable[tuple[int, bytes]], path: Path) -> dict[str, Descriptor]:
    """Of each stream the newest, out of lines with their numbers."""
    found = {}
    for number, line in lines:
        document = decode_line(line, path=path, number=number) if may_describe(line) else None
        if isinstance(document, Descriptor):
            found[document.stream] = document
    return found
