"""The reader: documents out of a file.

It never needs the end: a recording without a `stop` was cut off, and one that breaks off inside a line is good up to
the line before. One whose bytes are not those that its stop has the digest of was changed, and says so.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from engine.documents import SCHEMA_VERSION, Document, Start, Stop, decode
from engine.errors import RecordingError, RecordingNewer
from engine.recording.lines import read_lines
from engine.recording.seal import holds

CUT_IN_LINE = "the recording was cut off in the middle of a line"
CUT = "the recording was cut off: it has no stop document"
CHANGED = "the recording was changed after it was written: its bytes are not those that its stop has the digest of"


@dataclass
class Reader:
    """Iterates over the documents in `path`, packed or not, and knows afterwards how it ended.

    Raises RecordingError (file, line, what is wrong) for a file that is no recording, RecordingNewer for a later
    schema. A broken last line is not an error but a cut: it is left out, and `cut_off` says so.
    """

    path: Path
    start: Start | None = None
    stop: Stop | None = None
    broken_tail: bool = False
    changed: bool = False
    documents: int = field(default=0)
    bytes: int = field(default=0)
    """Of the documents that were read."""

    @property
    def cut_off(self) -> str | None:
        """Why the recording is not whole, in words; None if it is."""
        if self.broken_tail:
            return CUT_IN_LINE
        if self.stop is None:
            return CUT
        return CHANGED if self.changed else None

    def __iter__(self) -> Iterator[Document]:
        read, name = hashlib.sha256(), str(self.path)
        for number, line in enumerate(read_lines(self.path), start=1):
            if not line.endswith(b"\n"):
                self.broken_tail = True
                return
            if number == 1:
                refuse_newer(line, path=self.path)
            document = decode(line, path=name, number=number)
            if number == 1 or self.stop is not None or isinstance(document, Start | Stop):
                self._enter(document, number)
            if isinstance(document, Stop):
                self.changed = not holds(line, document, read)
            read.update(line)
            self.documents += 1
            self.bytes += len(line)
            yield document

    def _enter(self, document: Document, number: int) -> None:
        if number == 1 and not isinstance(document, Start):
            raise RecordingError(self.path, "not a recording: its first document is not a start", line=1)
        if self.stop is not None:
            raise RecordingError(self.path, "goes on after its stop document", line=number)
        if isinstance(document, Start):
            if number > 1:
                raise RecordingError(self.path, "holds a second start document", line=number)
            self.start = document
        elif isinstance(document, Stop):
            self.stop = document


def decode_line(line: bytes, *, path: Path, number: int) -> Document:
    """The document in line `number` (from 1) of `path`; a later schema is refused with its number."""
    if number == 1:
        refuse_newer(line, path=path)
    return decode(line, path=str(path), number=number)


def refuse_newer(line: bytes, *, path: Path) -> None:
    """Raise RecordingNewer where the first line says so: a later schema may have fields that this one refuses."""
    with contextlib.suppress(orjson.JSONDecodeError):
        head = orjson.loads(line)
        found = head.get("schema_version") if isinstance(head, dict) else None
        if isinstance(found, int) and found > SCHEMA_VERSION:
            raise RecordingNewer(path, found=found, known=SCHEMA_VERSION)
