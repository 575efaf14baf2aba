"""The last line of a file, without reading the file."""

from collections import deque
from pathlib import Path

from engine.errors import RecordingError
from engine.recording.lines import is_packed, opened, read_lines
from engine.recording.seekable import Damaged, read_frame, read_index

_FIRST_BYTES = 1 << 14
_MOST_BYTES = 16 << 20
"""No document is longer."""


def newest_line(path: Path) -> bytes:
    """The last line, with its newline unless it was cut off; empty where there is none.

    Raises RecordingError for a file that cannot be read.
    """
    if is_packed(path):
        return _newest_packed(path)
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            length = min(_FIRST_BYTES, size)
            while True:
                file.seek(size - length)
                tail = file.read(length)
                at = tail.rfind(b"\n", 0, len(tail) - 1)
                if at >= 0 or length == size or length >= _MOST_BYTES:
                    return tail[at + 1 :]
                length = min(4 * length, size)
    except OSError as error:
        raise RecordingError(path, f"cannot be read: {error.strerror}") from error


def _newest_packed(path: Path) -> bytes:
    """The last line of its last block; of one that was cut off, and so has no index, all has to be read."""
    try:
        with opened(path) as file:
            return read_frame(file, read_index(file).blocks[-1]).splitlines(keepends=True)[-1]
    except (Damaged, IndexError):
        return next(iter(deque(read_lines(path), maxlen=1)), b"")
