"""How a recording ends: its stop, and whether it is whole and as it was written. No document before it is looked at."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from engine.documents import Stop, decode
from engine.errors import RecordingError
from engine.recording.lines import read_chunks
from engine.recording.reader import CHANGED, CUT, CUT_IN_LINE
from engine.recording.seal import holds


@dataclass(frozen=True)
class Ending:
    """`cut_off` says why the recording is not whole, or not as it was written; `lines` is how many are whole."""

    stop: Stop | None
    cut_off: str | None
    lines: int


def read_ending(path: Path) -> Ending:
    """The ending of the recording in `path`; reads all of its bytes."""
    read, rest, lines = hashlib.sha256(), b"", 0
    for chunk in read_chunks(path):
        rest += chunk
        lines += chunk.count(b"\n")
        # All but the last line, which may be the stop.
        at = rest.rfind(b"\n", 0, len(rest) - 1) + 1
        read.update(memoryview(rest)[:at])
        rest = rest[at:]
    if rest and not rest.endswith(b"\n"):
        return Ending(None, CUT_IN_LINE, lines)
    stop = _stop(rest)
    if stop is None:
        return Ending(None, CUT, lines)
    return Ending(stop, None if holds(rest, stop, read) else CHANGED, lines)


def _stop(line: bytes) -> Stop | None:
    try:
        found = decode(line)
    except RecordingError:  # whoever reads the documents is told of it
        return None
    return found if isinstance(found, Stop) else None
