"""One recording as a list shows it: from its first and its last line, however long it is."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from engine.documents import Start, Stop, decode
from engine.errors import RecordingError
from engine.library.ends import newest_line
from engine.library.keeping import is_kept
from engine.outcome import facts
from engine.recording.outline import read_start

State = Literal["complete", "aborted", "failed", "cut off", "recording", "unreadable"]

_ENDINGS: dict[str, State] = {"success": "complete", "abort": "aborted", "fail": "failed"}
_FRESH_SECONDS = 60
"""A file without an end that was written to so lately is taken to be still growing: samples come every second."""


@dataclass(frozen=True)
class Entry:
    """What is known of the file `path`. An unreadable one has its `problem`, and None for the rest."""

    path: Path
    bytes: int
    modified: datetime
    state: State
    kept: bool
    run: str | None = None
    utc: datetime | None = None
    demo: str | None = None
    arms: tuple[str, ...] = ()
    gpu: str | None = None
    model: str | None = None
    simulated: bool | None = None
    seconds: float | None = None
    """How long it lasted; None where it was cut off."""
    problem: str | None = None
    """Why it is not complete, in words."""

    @property
    def when(self) -> datetime:
        """When it began; of an unreadable file when it was last written."""
        return self.utc or self.modified

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "file": str(self.path),
            "run": self.run,
            "utc": self.utc.isoformat() if self.utc else None,
            "demo": self.demo,
            "arms": list(self.arms),
            "gpu": self.gpu,
            "model": self.model,
            "simulated": self.simulated,
            "state": self.state,
            "problem": self.problem,
            "seconds": self.seconds,
            "bytes": self.bytes,
            "kept": self.kept,
        }


def read_entry(path: Path, *, now: datetime | None = None) -> Entry:
    """The entry of `path`. Raises RecordingError where there is no such file."""
    try:
        status = path.stat()
    except OSError as error:
        raise RecordingError(path, f"cannot be read: {error.strerror}") from error
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    file: dict[str, Any] = {"path": path, "bytes": status.st_size, "modified": modified, "kept": is_kept(path)}
    try:
        start = read_start(path)
        told = _told(start)
    except (RecordingError, ValueError) as error:
        return Entry(**file, state="unreadable", problem=str(error))
    stop = _stop(path)
    if stop is not None:
        state: State = _ENDINGS[stop.exit_status]
        return Entry(**file, **told, state=state, seconds=stop.t_ns / 1e9, problem=stop.reason or None)
    if ((now or datetime.now(UTC)) - modified).total_seconds() < _FRESH_SECONDS:
        return Entry(**file, **told, state="recording", problem="it is being recorded, or was cut off a moment ago")
    return Entry(**file, **told, state="cut off", problem="it was cut off: it has no stop document")


def _told(start: Start) -> dict[str, Any]:
    about = facts(start)
    utc = datetime.fromisoformat(start.utc)
    demo = start.demo.get("name")
    return {
        "run": start.run,
        "utc": utc if utc.tzinfo else utc.replace(tzinfo=UTC),
        "demo": str(demo) if demo is not None else None,
        "arms": tuple(arm.name for arm in start.arms),
        "gpu": about["GPU"],
        "model": about["model"],
        "simulated": any(start.simulated.values()),
    }


def _stop(path: Path) -> Stop | None:
    """The stop document, if it is what the file ends with."""
    try:
        line = newest_line(path)
        found = decode(line, path=os.fspath(path)) if line.endswith(b"\n") else None
    except RecordingError:
        return None
    return found if isinstance(found, Stop) else None
