"""What a recording says besides its samples: start, descriptors, marks."""

from dataclasses import dataclass, field
from pathlib import Path

from engine.documents import Descriptor, Mark, Start
from engine.errors import RecordingError
from engine.recording.lines import read_lines
from engine.recording.reader import decode_line
from engine.recording.spans import is_page


@dataclass
class Outline:
    """All documents but the pages, which are not looked at."""

    descriptors: dict[str, Descriptor] = field(default_factory=dict)
    """Of each stream the newest."""
    marks: list[Mark] = field(default_factory=list)


def read_start(path: Path) -> Start:
    """The recording's first document. Raises RecordingError for what is no recording."""
    first = next(read_lines(path), b"")
    if not first.endswith(b"\n"):
        raise RecordingError(path, "holds no documents" + (": it was cut off in its first line" * bool(first)))
    start = decode_line(first, path=path, number=1)
    if not isinstance(start, Start):
        raise RecordingError(path, "not a recording: its first document is not a start", line=1)
    return start


def read_outline(path: Path) -> Outline:
    """The outline of the recording in `path`, up to where it was cut off."""
    found = Outline()
    for number, line in enumerate(read_lines(path), start=1):
        if is_page(line) or not line.endswith(b"\n"):
            continue
        match decode_line(line, path=path, number=number):
            case Descriptor() as descriptor:
                found.descriptors[descriptor.stream] = descriptor
            case Mark() as mark:
                found.marks.append(mark)
            case _:
                pass
    return found
