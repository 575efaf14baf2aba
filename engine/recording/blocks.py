"""Where in a recording's file a time is: its blocks, from the index where it is packed, else found by looking once."""

from collections.abc import Iterator
from pathlib import Path

from engine.errors import RecordingError
from engine.recording.lines import is_packed, opened, parted, read_appended, read_lines
from engine.recording.seekable import BLOCK_BYTES, Block, Damaged, read_frame, read_index
from engine.recording.spans import Span, span


class Blocks:
    """The blocks of the recording in `path`; of one that grows, those that were whole when it was last asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.packed = is_packed(path)
        self._found: list[Block] = []
        self._described: list[int] | None = None
        self._looked = 0
        """Bytes of a file that is not packed, whose whole lines are in blocks."""

    def between(self, from_ns: int, to_ns: int) -> Iterator[tuple[int, bytes]]:
        """The lines that may tell of that time, each with its number from 1, in the file's order."""
        for block in self._all():
            if block.first_ns > to_ns or block.last_ns < from_ns:
                continue
            yield from self._lines_of(block)

    def describing(self) -> Iterator[tuple[int, bytes]] | None:
        """The lines of the blocks that have descriptors, which begin a recording; None where that is not known."""
        blocks = self._all()
        if self._described is None:
            return None
        return (line for number in self._described for line in self._lines_of(blocks[number]))

    def _lines_of(self, block: Block) -> Iterator[tuple[int, bytes]]:
        lines, _ = parted(self._read(block))
        return enumerate(lines, start=block.first_line)

    def _all(self) -> list[Block]:
        if not self.packed:
            self._look_on()
        elif not self._found:
            try:
                with opened(self.path) as file:
                    index = read_index(file)
                self._found, self._described = index.blocks, index.described
            except Damaged:
                # It was cut off, or damaged: one block, which is read from the start.
                self._found = [Block(0, 0, 0, 1, 0, 0, 2**63 - 1)]
        return self._found

    def _read(self, block: Block) -> bytes:
        if self.packed and not block.stored:
            return b"".join(line for line in read_lines(self.path) if line.endswith(b"\n"))
        with opened(self.path) as file:
            if self.packed:
                try:
                    return read_frame(file, block)
                except Damaged as error:
                    raise RecordingError(self.path, f"its packed form is damaged: {error}") from error
            file.seek(block.position)
            return file.read(block.size)

    def _look_on(self) -> None:
        """Find what blocks were appended since the last look; the last one may be short."""
        if self._found and self._found[-1].size < BLOCK_BYTES:  # it may go on
            self._looked = self._found.pop().position
        for block in blocks_of(read_appended(self.path, self._looked), self._looked, self._lines):
            self._found.append(block)
            self._looked += block.size

    @property
    def _lines(self) -> int:
        return self._found[-1].first_line + self._found[-1].lines - 1 if self._found else 0


def blocks_of(lines: Iterator[bytes], position: int, before: int) -> Iterator[Block]:
    """The blocks of lines that begin at `position`, `before` lines after the file's first; none is stored yet."""
    size = count = 0
    whole: Span | None = None
    for line in lines:
        size, count = size + len(line), count + 1
        happened = span(line)
        if happened is not None:
            whole = (min(whole[0], happened[0]), max(whole[1], happened[1])) if whole else happened
        if size >= BLOCK_BYTES:
            yield Block(position, 0, size, before + 1, count, *(whole or (0, 0)))
            position, before, size, count, whole = position + size, before + count, 0, 0, None
    if count:
        yield Block(position, 0, size, before + 1, count, *(whole or (0, 0)))
