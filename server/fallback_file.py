"""Which recording takes over when a race dies on stage: the last good one of the same demo. Looks at files only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from engine.documents import Start, Stop
from engine.errors import RecordingError
from engine.recording.lines import read_lines
from engine.recording.reader import decode_line


@dataclass(frozen=True)
class Reserve:
    """A recording that may take over."""

    file: Path
    utc: str
    """When it was recorded, ISO 8601."""
    simulated: bool


def find_reserve(demo: str, data: Path, shipped: Path | None = None) -> Reserve | None:
    """The recording that may take over from `demo`: what a rehearsal has kept for it, else the newest complete
    race of it in the data folder (a real one before a simulated one), else what is shipped."""
    rehearsed = _recordings(data / "fallback", f"{demo}.jsonl*")
    raced = _recordings(data / "recordings", f"*-{demo}-*.jsonl*")
    ours = _recordings((shipped or Path(str(resources.files("demos")))) / "recordings", f"{demo}.jsonl*")
    for file, start in [*rehearsed, *sorted(raced, key=lambda found: _simulated(found[1])), *ours]:
        if start.demo.get("name") == demo and _is_complete(file):
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


def _is_complete(file: Path) -> bool:
    """Whether its run ended well: anything else would end on stage as badly as then."""
    count, last = 0, b""
    try:
        for count, last in enumerate(read_lines(file), start=1):  # noqa: B007  (the last ones are what is wanted)
            pass
    except RecordingError:
        return False
    document = _document(file, last, count)
    return isinstance(document, Stop) and document.exit_status == "success"


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
