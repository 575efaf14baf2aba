"""A report's file: whole or not at all, and never in place of the recording that it is made of."""

import os
import tempfile
from pathlib import Path

from engine.errors import RecordingError


def written(out: Path, content: bytes, *, recording: Path) -> None:
    """Write `content` to `out`, in place of an earlier report. Raises RecordingError where that cannot be."""
    if out.exists() and out.samefile(recording):
        raise RecordingError(out, "is the recording itself; name another file with --out")
    name = ""
    try:
        number, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
        with os.fdopen(number, "wb") as file:
            file.write(content)
        # What is shown to others may be read by others, as any new file of this user.
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(out)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise RecordingError(out, f"cannot be written: {error.strerror}") from error
