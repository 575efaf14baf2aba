"""Whole lines out of a recording's file, packed or not. A packed file is told by its first bytes, not by its name."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from backports import zstd

from engine.errors import RecordingError

_MAGICS = (b"\x28\xb5\x2f\xfd",)
_CHUNK_BYTES = 1 << 20
_LONGEST_BYTES = 16 << 20
"""No document is longer; a line that is, is no line."""


def is_packed(path: Path) -> bool:
    """Whether the file is compressed. Raises RecordingError where it cannot be read."""
    with opened(path) as file:
        return file.read(4) in _MAGICS


def opened(path: Path) -> BinaryIO:
    """The file, unbuffered. Raises RecordingError where it cannot be read."""
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise RecordingError(path, f"cannot be read: {error.strerror}") from error


def read_chunks(path: Path) -> Iterator[bytes]:
    """The recording's bytes, unpacked, up to where the file was cut off.

    Raises RecordingError for what cannot be read, or is damaged where it is packed.
    """
    with opened(path) as file:
        packed = file.read(4) in _MAGICS
        file.seek(0)
        read = _unpacking(path, file) if packed else _reading(path, file)
        while chunk := read():
            yield chunk


def read_lines(path: Path) -> Iterator[bytes]:
    """Every line with its newline; the last one may lack it where the file was cut off. Raises as `read_chunks`."""
    rest = b""
    for chunk in read_chunks(path):
        lines, rest = parted(rest + chunk)
        yield from lines
        if len(rest) > _LONGEST_BYTES:
            raise RecordingError(path, "holds a line that is longer than any document")
    if rest:
        yield rest


def read_appended(path: Path, position: int) -> Iterator[bytes]:
    """The whole lines from byte `position` on, where one begins, of a recording that is not packed."""
    with opened(path) as file:
        file.seek(position)
        read, rest = _reading(path, file), b""
        while chunk := read():
            lines, rest = parted(rest + chunk)
            yield from lines


def parted(content: bytes) -> tuple[BytesIO, bytes]:
    """The whole lines, each with its newline, and what is left. Going through a file in memory is C's work."""
    at = content.rfind(b"\n") + 1
    return BytesIO(content[:at]), content[at:]


def _reading(path: Path, file: BinaryIO) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return file.read(_CHUNK_BYTES)
        except OSError as error:
            raise RecordingError(path, f"cannot be read: {error.strerror}") from error

    return read


def _unpacking(path: Path, file: BinaryIO) -> Callable[[], bytes]:
    """What is cut off inside a frame ends there, as a plain file would; a damaged frame is an error."""
    unpacked = zstd.open(file, "rb")

    def read() -> bytes:
        try:
            return unpacked.read1(_CHUNK_BYTES)
        except EOFError:
            return b""
        except zstd.ZstdError as error:
            raise RecordingError(path, f"its compressed form is damaged: {error}") from error

    return read
