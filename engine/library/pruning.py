"""What may be deleted to keep a folder within its rules. Planning is pure; nothing goes without a plan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.errors import RecordingError
from engine.library.entry import Entry, read_entry

GIGABYTE = 1_000_000_000
_SAFE = ("recording", "unreadable")
"""What still grows, and what is perhaps no recording at all, never goes."""


@dataclass(frozen=True)
class Rules:
    """The most that a folder may hold, and how old a recording may get; None: no limit."""

    gigabytes: float | None = None
    days: float | None = None

    def __bool__(self) -> bool:
        return self.gigabytes is not None or self.days is not None


@dataclass(frozen=True)
class Plan:
    """Which recordings would go, each with why, and what would be left."""

    going: Sequence[tuple[Entry, str]]
    bytes_left: int
    too_much_bytes: int = 0
    """How much over the limit it stays, because the rest is kept."""

    @property
    def bytes_freed(self) -> int:
        """What that would give back."""
        return sum(entry.bytes for entry, _ in self.going)


def plan(entries: Iterable[Entry], rules: Rules, *, now: datetime | None = None) -> Plan:
    """Too old ones first, then the oldest until the folder is small enough; what is kept never goes."""
    now = now or datetime.now(UTC)
    oldest_first = sorted(entries, key=lambda entry: (entry.when, entry.path))
    size = sum(entry.bytes for entry in oldest_first)
    most = None if rules.gigabytes is None else rules.gigabytes * GIGABYTE
    going: list[tuple[Entry, str]] = []
    for entry in oldest_first:
        if entry.kept or entry.state in _SAFE:
            continue
        if rules.days is not None and now - entry.when > timedelta(days=rules.days):
            going.append((entry, f"older than {rules.days:g} days"))
        elif most is not None and size > most:
            going.append((entry, f"the folder has more than {rules.gigabytes:g} GB"))
        else:
            continue
        size -= entry.bytes
    return Plan(going, size, max(0, round(size - most)) if most is not None else 0)


def prune(going: Plan) -> list[Path]:
    """Delete what the plan says, save what has been marked kept, or has changed, since; returns what went.

    Raises RecordingError for the first that cannot be deleted.
    """
    gone = []
    for entry, _ in going.going:
        try:
            newest = read_entry(entry.path)
            if newest.kept or (newest.bytes, newest.modified) != (entry.bytes, entry.modified):
                continue
            entry.path.unlink()
        except OSError as error:
            raise RecordingError(entry.path, f"cannot be deleted: {error.strerror}") from error
        gone.append(entry.path)
    return gone
