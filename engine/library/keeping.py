"""Recordings that are kept: a small file beside each says so, and goes wherever it is taken along.

A recording and its packed copy beside it are one recording, and have one mark.
"""

import contextlib
from pathlib import Path

from engine.errors import RecordingError

_SUFFIX = ".kept"
_PACKED = ".zst"


def is_kept(path: Path) -> bool:
    """Whether the recording is marked kept."""
    return _marker(path).exists()


def keep(path: Path, *, on: bool = True) -> None:
    """Mark the recording as kept, or no longer. Raises RecordingError where that cannot be written."""
    try:
        if on:
            _marker(path).touch()
        else:
            with contextlib.suppress(FileNotFoundError):
                _marker(path).unlink()
    except OSError as error:
        raise RecordingError(path, f"cannot be marked: {error.strerror}") from error


def replace(path: Path, copy: Path) -> None:
    """Delete the recording in favour of its copy, which is kept if it was. Raises RecordingError where it cannot be."""
    if is_kept(path):
        keep(copy)  # before there is only one
    try:
        path.unlink()
    except OSError as error:
        raise RecordingError(path, f"cannot be deleted: {error.strerror}") from error
    if not any(file.exists() for file in _twins(path)):
        keep(path, on=False)


def _marker(path: Path) -> Path:
    plain, _ = _twins(path)
    return plain.with_name(plain.name + _SUFFIX)


def _twins(path: Path) -> tuple[Path, Path]:
    """The names of the recording as it was written, and packed."""
    plain = path.with_name(path.name.removesuffix(_PACKED))
    return plain, plain.with_name(plain.name + _PACKED)
