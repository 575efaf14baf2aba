"""Which recording takes over when a race dies on stage: the last good one of the same demo. Looks at files only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from engine.documents import Mark, MarkKind, Start, Stop
from engine.errors import RecordingError
from engine.ledger.flags import SAMPLER_DIED
from engine.recording.lines import read_lines
from engine.recording.reader import decode_line
from engine.validity import Reason

_DIED = SAMPLER_DIED.encode()


@dataclass(frozen=True)
class Reserve:
    """A recording that may take over."""

    file: Path
    utc: str
    """When it was recorded, ISO 8601."""
    simulated: bool


def find_reserve(demo: str, data: Path, shipped: Path | None = None) -> Reserve | None:
    """The recording that may take over from `demo`: what a rehearsal has kept for it, else the newest complete
    race of it in the data folder (of these two a real one before a simulated one), else what is shipped."""
    rehearsed = _recordings(data / "fallback", f"{demo}.jsonl*")
    raced = _recordings(data / "recordings", f"*-{demo}-*.jsonl*")
    ours = _recordings((shipped or Path(str(resources.files("demos")))) / "recordings", f"{demo}.jsonl*")
    for file, start in [*sorted([*rehearsed, *raced], key=lambda found: _simulated(found[1])), *ours]:
        if start.demo.get("name") == demo and _is_good(file):
            return Reserve(file, start.utc, _simulated(start))
    return None


def places(data: Path) -> tuple[Path, Path]:
    """The folders in which one may turn up while a server runs."""
    return data / "fallback", data / "recordings"


def _recordings(folder: Path, pattern: str) -> Iterator[tuple[Path, Start]]:
    """Recordings with their starts, the newest first: names begin with their time."""
    for file in sorted(folder.glob(pattern), reverse=True):
        if (start := _first(file)) is not None:
            yield file, start


def _first(file: Path) -> Start | None:
    document = _document(file, _one(read_lines(file)), 1)
    return document if isinstance(document, Start) else None


def _is_good(file: Path) -> bool:
    """Whether its run ended well and was measured to the end: anything else would end on stage as badly as then."""
    count, last = 0, b""
    try:
        for count, last in enumerate(read_lines(file), start=1):
            # Marks are few, and few lines have the words: to decode every page would take seconds.
            if _DIED in last and _tells_death(_document(file, last, count)):
                return False
    except RecordingError:
        return False
    document = _document(file, last, count)
    return isinstance(document, Stop) and document.exit_status == "success" and not any(map(_lost, document.arms))


def _tells_death(document: object) -> bool:
    return (
        isinstance(document, Mark) and document.kind == MarkKind.WARNING and document.data.get("code") == SAMPLER_DIED
    )


def _lost(arm: dict[str, Any]) -> bool:
    """Whether this arm's sensor was gone in a whole round: that has no energy, though others have, or says so.

    No round has any where there is no sensor, or where the arms share a device; then nothing is lost.
    """
    rounds = [each for each in arm.get("per_round") or [] if each.get("complete")]
    unseen = [each for each in rounds if (each.get("total") or {}).get("energy_joules") is None]
    return 0 < len(unseen) < len(rounds) or any(Reason.GAP in each.get("reasons", ()) for each in unseen)


def _document(file: Path, line: bytes, number: int) -> object:
    try:
        return decode_line(line, path=file, number=number) if line.endswith(b"\n") else None
    except RecordingError:
        return None


def _one(lines: Iterable[bytes]) -> bytes:
    try:
        return next(iter(lines), b"")
    except RecordingError:
        return b""


def _simulated(start: Start) -> bool:
    return any(start.simulated.values())
