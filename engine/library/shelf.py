"""The recordings of a folder, newest first, and which of them are wanted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from engine.errors import RecordingError
from engine.library.entry import Entry, read_entry

_SUFFIXES = (".jsonl", ".jsonl.zst")


@dataclass(frozen=True)
class Wanted:
    """A filter: what is None does not matter. `gpu` is part of a name, in any case; dates are in UTC, both included."""

    demo: str | None = None
    gpu: str | None = None
    since: date | None = None
    until: date | None = None
    simulated: bool | None = None
    complete: bool | None = None
    kept: bool | None = None

    def admits(self, entry: Entry) -> bool:
        """Whether it lets the entry through."""
        day = entry.when.date()
        return (
            self.demo in (None, entry.demo)
            and (self.gpu is None or self.gpu.lower() in (entry.gpu or "").lower())
            and (self.since is None or day >= self.since)
            and (self.until is None or day <= self.until)
            and self.simulated in (None, entry.simulated)
            and self.complete in (None, entry.state == "complete")
            and self.kept in (None, entry.kept)
        )


def listed(folder: Path, wanted: Wanted | None = None) -> list[Entry]:
    """The entries of the wanted recordings in `folder`. Raises RecordingError for a folder that cannot be read."""
    entries = (read_entry(path) for path in _files(folder))
    found = [entry for entry in entries if wanted is None or wanted.admits(entry)]
    return sorted(found, key=lambda entry: (entry.when, entry.path), reverse=True)


def find(folder: Path, name: str) -> Path:
    """The recording that `name` is a path to, or a run in `folder`. Raises RecordingError where there is none."""
    for path in (Path(name), *(folder / f"{name}{suffix}" for suffix in ("", *_SUFFIXES))):
        if path.is_file():
            return path
    raise RecordingError(name, f"no such file, and no such run in {folder}")


def _files(folder: Path) -> Iterator[Path]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise RecordingError(folder, f"cannot be read: {error.strerror}") from error
    return (
        path for path in paths if path.name.endswith(_SUFFIXES) and not path.name.startswith(".") and path.is_file()
    )
