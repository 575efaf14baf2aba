"""Packing: a compressed copy of a recording, byte for byte the same once it is unpacked, that can be sought in."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from engine.errors import RecordingError
from engine.recording.blocks import blocks_of
from engine.recording.lines import is_packed, read_chunks, read_lines
from engine.recording.outline import read_start
from engine.recording.seekable import Block, Index, ending, frame
from engine.recording.spans import may_describe


def pack(path: Path, out: Path | None = None) -> Path:
    """A packed copy of the recording in `path`, by default beside it with `.zst` behind its name.

    What was cut off is packed as it is. The copy is read back and compared before it gets its name. Raises
    RecordingError for a file that is no recording or is packed already, where the copy exists, or cannot be written.
    """
    out = out or path.with_name(f"{path.name}.zst")
    read_start(path)
    if is_packed(path):
        raise RecordingError(path, "is packed already")
    written: list[str] = []

    def write(file: BinaryIO) -> None:
        written.append(_write(file, path))

    def compare(part: Path) -> None:
        if _digest(read_chunks(part)) != written[0]:
            raise RecordingError(out, "cannot be written: what is read back is not what was packed")

    create(out, write, compare)
    return out


def create(out: Path, write: Callable[[BinaryIO], None], compare: Callable[[Path], None] | None = None) -> None:
    """A new file of that name, which is there whole or not at all, and takes no other's place."""
    part = out.with_name(f".{out.name}.part")
    try:
        if out.exists():
            raise RecordingError(out, "exists already; name another file with --out")
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if compare is not None:
            compare(part)
        os.link(part, out)  # unlike a rename, it overwrites nothing
    except OSError as error:
        raise RecordingError(out, f"cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _write(file: BinaryIO, path: Path) -> str:
    """Write the packed form; the digest of what it holds."""
    blocks: list[Block] = []
    described: dict[int, None] = {}
    digest, rest, waiting = hashlib.sha256(), b"", bytearray()

    def lines() -> Iterator[bytes]:
        nonlocal rest
        for line in read_lines(path):
            digest.update(line)
            if not line.endswith(b"\n"):
                rest = line
                return
            waiting.extend(line)
            if may_describe(line):
                described[len(blocks)] = None
            yield line

    for block in blocks_of(lines(), 0, 0):
        stored = frame(bytes(waiting[: block.size]))
        del waiting[: block.size]
        blocks.append(block._replace(position=file.tell(), stored=len(stored)))
        file.write(stored)
    half = frame(rest) if rest else b""
    file.write(half + ending(Index(blocks, list(described)), (len(half), len(rest)) if rest else None))
    return digest.hexdigest()


def _digest(chunks: Iterator[bytes]) -> str:
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()
