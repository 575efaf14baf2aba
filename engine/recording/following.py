"""Following a recording's file while it is written."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from engine.documents import Document, Stop
from engine.recording.lines import is_packed, opened, parted, read_lines
from engine.recording.reader import decode_line

_LOOK_SECONDS = 0.1
_CHUNK_BYTES = 1 << 18


async def follow_file(path: Path, *, quiet_seconds: float | None) -> AsyncIterator[Document]:
    """Every document of the recording in `path`, those to come too, until its stop.

    A recording whose writer was killed gets no stop: with `quiet_seconds` it is given up when nothing was added for so
    long. Raises RecordingError as the reader does.
    """
    if is_packed(path):
        for number, line in enumerate(read_lines(path), start=1):
            if line.endswith(b"\n"):
                yield decode_line(line, path=path, number=number)
        return
    number, rest, quiet = 0, b"", 0.0
    with opened(path) as file:
        while quiet_seconds is None or quiet < quiet_seconds:
            chunk = await asyncio.to_thread(file.read, _CHUNK_BYTES)
            if not chunk:
                await asyncio.sleep(_LOOK_SECONDS)
                quiet += _LOOK_SECONDS
                continue
            quiet = 0.0
            lines, rest = parted(rest + chunk)
            for line in lines:
                number += 1
                document = decode_line(line, path=path, number=number)
                yield document
                if isinstance(document, Stop):
                    return
