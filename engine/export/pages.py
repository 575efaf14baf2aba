"""A recording's documents in one pass; of a sealed one pages need no second look."""

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from engine.documents import Cell, Descriptor, Mark, Page, Start, Stop
from engine.recording import Recording
from engine.recording.lines import read_lines
from engine.recording.reader import decode_line
from engine.recording.spans import is_page


class SealedPage(NamedTuple):
    """A page as it stands in the file."""

    stream: str
    t_ns: list[int]
    data: dict[str, list[Cell]]


def documents(recording: Recording) -> Iterator[Start | Descriptor | Mark | Stop | Page | SealedPage]:
    """Every document. Where the seal says that the bytes are those a run has written, each was looked at then."""
    if recording.cut_off is not None or recording.stop is None or recording.stop.digest is None:
        yield from recording.documents()
        return
    for number, line in enumerate(read_lines(recording.path), start=1):
        page = _page(line) if is_page(line) else None
        yield page or decode_line(line, path=recording.path, number=number)


def _page(line: bytes) -> SealedPage | None:
    """The page in `line`; None leaves it to those who look twice."""
    try:
        fields = orjson.loads(line)
        page = SealedPage(fields["stream"], fields["t_ns"], fields["data"])
        rows = len(page.t_ns)
        return page if rows and not set(map(len, page.data.values())) - {rows} else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
