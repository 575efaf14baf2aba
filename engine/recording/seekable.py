"""A packed recording's form: what to read of it for a given time, without reading the rest.

It is a file in zstd's seekable format: independent frames of a quarter of a megabyte of whole lines each, and at the
end a table of their sizes in a frame that every zstd skips, so that `zstd -d` gives the recording back byte for byte.
Before the table, in another frame to skip, is an index of ours that says which times each frame tells of. Each frame
has a checksum of its content, the index one of its own.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import orjson
from backports import zstd

LEVEL = 9
BLOCK_BYTES = 1 << 18
"""What a look at one moment costs: some five seconds of two GPUs."""

_INDEX_MAGIC = 0x184D2A51
_TABLE_MAGIC, _FOOTER_MAGIC = 0x184D2A5E, 0x8F92EAB1
_HEAD = struct.Struct("<II")
_ENTRY = struct.Struct("<II")
_FOOTER = struct.Struct("<IBI")
_CRC = struct.Struct("<I")
_MOST_BYTES = 1 << 28
"""No index is longer, nor a block."""


class Block(NamedTuple):
    """Whole lines that stand together: `size` bytes of them, `stored` in the file, from `position` on.

    An hour has hundreds, which are made anew by everybody who opens it.
    """

    position: int
    stored: int
    size: int
    first_line: int
    """The number of its first line, from 1."""
    lines: int
    first_ns: int
    last_ns: int
    """Everything that its lines tell happened between these two."""


@dataclass(frozen=True)
class Index:
    """The blocks of a packed recording, and which of them (by place) have descriptors; None where that was not told."""

    blocks: list[Block]
    described: list[int] | None


class Damaged(Exception):
    """The packed form is not what it should be; the text says in what."""


def frame(lines: bytes) -> bytes:
    """One frame with these lines."""
    wanted = {zstd.CompressionParameter.compression_level: LEVEL, zstd.CompressionParameter.checksum_flag: 1}
    options: dict[int, int] = {int(name): value for name, value in wanted.items()}
    return zstd.compress(lines, options=options)


def ending(index: Index, rest: tuple[int, int] | None = None) -> bytes:
    """The index and the table behind the frames; `rest` are the sizes of a last frame that has half a line."""
    blocks = index.blocks
    told = orjson.dumps({"wattrace": 1, "blocks": [list(block) for block in blocks], "described": index.described})
    skipped = _skipped(_INDEX_MAGIC, _CRC.pack(zlib.crc32(told)) + told)
    sizes = [*((block.stored, block.size) for block in blocks), *([rest] if rest else []), (len(skipped), 0)]
    table = b"".join(_ENTRY.pack(*size) for size in sizes) + _FOOTER.pack(len(sizes), 0, _FOOTER_MAGIC)
    return skipped + _skipped(_TABLE_MAGIC, table)


def _skipped(magic: int, content: bytes) -> bytes:
    return _HEAD.pack(magic, len(content)) + content


def read_index(file: BinaryIO) -> Index:
    """The index of a packed recording. Raises Damaged where there is no whole index: it was cut off."""
    end = file.seek(0, 2)
    if end < _HEAD.size + _FOOTER.size:
        raise Damaged("it is too short")
    count, flags, magic = _FOOTER.unpack(_read(file, end - _FOOTER.size, _FOOTER.size))
    entry = _ENTRY.size + (4 if flags & 0x80 else 0)
    table = end - _HEAD.size - count * entry - _FOOTER.size
    if magic != _FOOTER_MAGIC or not count or table < 0:
        raise Damaged("it has no table at its end")
    stored, size = _ENTRY.unpack(_read(file, end - _FOOTER.size - entry, _ENTRY.size))
    found = _HEAD.unpack(_read(file, table - stored, _HEAD.size)) if 12 < stored <= min(table, _MOST_BYTES) else ()
    if size or found != (_INDEX_MAGIC, stored - _HEAD.size):
        raise Damaged("it has no index")
    content = _read(file, table - stored + _HEAD.size, stored - _HEAD.size)
    told = content[_CRC.size :]
    if _CRC.unpack(content[: _CRC.size])[0] != zlib.crc32(told):
        raise Damaged("its index is damaged")
    index = orjson.loads(told)
    return Index([Block(*block) for block in index["blocks"]], index.get("described"))


def read_frame(file: BinaryIO, block: Block) -> bytes:
    """The lines of one block. Raises Damaged where its frame is."""
    stored = _read(file, block.position, block.stored)
    unpacking = zstd.ZstdDecompressor()
    try:
        lines = unpacking.decompress(stored, max_length=block.size + 1)
    except zstd.ZstdError as error:
        raise Damaged(f"its frame at byte {block.position:,} is damaged: {error}") from error
    if len(lines) != block.size or not unpacking.eof or lines.count(b"\n") != block.lines:
        raise Damaged(f"its frame at byte {block.position:,} does not hold what the index says")
    return lines


def _read(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    found = b""
    while len(found) < length and (part := file.read(length - len(found))):
        found += part
    if len(found) < length:
        raise Damaged(f"it ends before byte {position + length:,}")
    return found
