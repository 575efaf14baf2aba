"""Recordings that are kept: a small file of the same name beside each says so, and goes wherever it is taken along."""

import contextlib
from pathlib import Path

from engine.errors import RecordingError

_SUFFIX = ".kept"


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


def _marker(path: Path) -> Path:
    return path.with_name(path.name + _SUFFIX)
