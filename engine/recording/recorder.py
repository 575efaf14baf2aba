"""The recorder: documents into a file, one JSON line each.

Each document is one `write`, so that nothing appended is lost to `kill -9` of the writer; the file is synchronised
every second, so that a power cut costs one second at most.
"""

import contextlib
import errno
import hashlib
import os
import threading
from pathlib import Path
from typing import Self

from engine.documents import Document, Page, Stop, encode
from engine.errors import RecordingError, RecordingFull
from engine.recording.seal import sealed

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
        self._hash = hashlib.sha256()
        self._file: int | None = None
        self._done = threading.Event()
        self._syncer = threading.Thread(target=self._sync, name="recording-sync", daemon=True)

    def sealed(self, stop: Stop) -> Stop:
        """`stop` with the digest of everything that was appended; it is the next to be."""
        return sealed(stop, self._hash)

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
        self._hash.update(line)

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
