"""Recordings: documents to and from a file, one JSON line each.

Each document is one `write`, so that nothing appended is lost to `kill -9` of the writer; the file is synchronised
every second, so that a power cut costs one second at most. A reader never needs the end: a recording without a
`stop` was cut off, and one that breaks off inside a line is good up to the line before.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from engine.documents import SCHEMA_VERSION, Document, Page, Start, Stop, decode, encode
from engine.errors import RecordingError, RecordingFull, RecordingNewer

_RESERVE_BYTES = 256 * 1024
_SYNC_SECONDS = 1.0
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Recorder:
    """A sink that appends documents to the new file `path`; used as a context manager.

    Beside the file lies a small reserve that is given back when the disk is full, so that the `stop` document still
    finds room. Raises RecordingFull from the call that found the disk full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_written = 0
        self.counts: dict[str, int] = {}
        self._file: int | None = None
        self._done = threading.Event()
        self._syncer = threading.Thread(target=self._sync, name="recording-sync", daemon=True)

    def __enter__(self) -> Self:
        if self.path.exists():
            raise RecordingError(self.path, "exists already; name another file with --out")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            self._reserve().write_bytes(bytes(_RESERVE_BYTES))
        except OSError as error:
            self._close()
            raise RecordingError(self.path, f"cannot be created: {error.strerror}") from error
        self._syncer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._syncer.join()
        self._close()

    def __call__(self, document: Document) -> None:
        """Append `document`."""
        line = encode(document)
        self._append(line)
        if isinstance(document, Page):
            self.counts[document.stream] = self.counts.get(document.stream, 0) + len(document.t_ns)

    def _append(self, line: bytes) -> None:
        assert self._file is not None, "the recorder is not open"
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            # Half a line would hide the stop document from readers: take it back.
            os.ftruncate(self._file, self.bytes_written)
            if error.errno not in _FULL:
                raise RecordingError(self.path, f"cannot be written: {error.strerror}") from error
            self._reserve().unlink(missing_ok=True)
            raise RecordingFull(self.path, cause=error, written_bytes=self.bytes_written) from error
        self.bytes_written += len(line)

    def _sync(self) -> None:
        while not self._done.wait(_SYNC_SECONDS):
            with contextlib.suppress(OSError):  # a failing disk shows itself at the next write
                os.fdatasync(self._file if self._file is not None else -1)

    def _reserve(self) -> Path:
        return self.path.with_name(f".{self.path.name}.reserve")

    def _close(self) -> None:
        with contextlib.suppress(OSError):  # its folder may be what was wrong
            self._reserve().unlink()
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._file)
            os.close(self._file)
            self._file = None


@dataclass
class Reader:
    """Iterates over the documents in `path`, and knows afterwards how it ended.

    Raises RecordingError (file, line, what is wrong) for a file that is no recording, RecordingNewer for a later
    schema. A broken last line is not an error but a cut: it is left out, and `cut_off` says so.
    """

    path: Path
    start: Start | None = None
    stop: Stop | None = None
    broken_tail: bool = False
    documents: int = field(default=0)

    @property
    def cut_off(self) -> str | None:
        """Why the recording is not whole, in words; None if it is."""
        if self.broken_tail:
            return "the recording was cut off in the middle of a line"
        return None if self.stop is not None else "the recording was cut off: it has no stop document"

    def __iter__(self) -> Iterator[Document]:
        for number, line in enumerate(self._lines(), start=1):
            document = self._decode(line, number)
            if document is None:
                return
            self.documents += 1
            yield document

    def _lines(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                yield from file
        except OSError as error:
            raise RecordingError(self.path, f"cannot be read: {error.strerror}") from error

    def _decode(self, line: bytes, number: int) -> Document | None:
        if not line.endswith(b"\n"):
            self.broken_tail = True
            return None
        _refuse_newer(line, path=self.path, number=number)
        document = decode(line, path=str(self.path), number=number)
        if number == 1 and not isinstance(document, Start):
            raise RecordingError(self.path, "not a recording: its first document is not a start", line=1)
        if isinstance(document, Start):
            if number > 1:
                raise RecordingError(self.path, "holds a second start document", line=number)
            self.start = document
        elif isinstance(document, Stop):
            self.stop = document
        return document


def _refuse_newer(line: bytes, *, path: Path, number: int) -> None:
    """A later schema may have fields that this one refuses, so its version is looked at first."""
    if number != 1 or b'"schema_version"' not in line:
        return
    import orjson

    with contextlib.suppress(orjson.JSONDecodeError):
        head = orjson.loads(line)
        found = head.get("schema_version") if isinstance(head, dict) else None
        if isinstance(found, int) and found > SCHEMA_VERSION:
            raise RecordingNewer(path, found=found, known=SCHEMA_VERSION)
