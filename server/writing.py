"""Whether a recording in the folder is still being written, by whatever process: a race may outlive its server."""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from engine.documents import Stop, decode
from engine.errors import RecordingError

QUIET_SECONDS = 20.0
"""For so long a recording without a `stop` must not have grown before it is asked whether anybody has it open."""
_TAIL_BYTES = 1 << 18
"""More than a `stop` document has; after a longer one, quiet has to do."""
_PROCESSES = Path("/proc")


class Writing:
    """Watches the recording that is open as `file` for the end of its writing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._over = False
        self._bytes, self._since = -1, time.monotonic()

    async def over(self) -> bool:
        """Whether nothing will be added any more: it ends in its `stop`, or is quiet and nobody holds it to write."""
        if self._over:
            return True
        size, now = os.fstat(self._file.fileno()).st_size, time.monotonic()
        if size != self._bytes:
            self._bytes, self._since = size, now
            self._over = await asyncio.to_thread(_ends_in_stop, self._file.fileno(), size)
        elif now - self._since >= QUIET_SECONDS:
            self._since = now
            self._over = not await asyncio.to_thread(_has_writer, self._file.fileno())
        return self._over


def _ends_in_stop(descriptor: int, size: int) -> bool:
    begin = max(0, size - _TAIL_BYTES)
    tail = os.pread(descriptor, size - begin, begin)
    if not tail.endswith(b"\n"):
        return False
    try:
        return isinstance(decode(tail[tail.rfind(b"\n", 0, -1) + 1 :]), Stop)
    except RecordingError:
        return False


def _has_writer(descriptor: int) -> bool:
    """Whether a process of this machine has the file open to write. Other users' are not seen by who is not root."""
    wanted = os.fstat(descriptor)
    for process in _PROCESSES.glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            for held in (process / "fd").iterdir():
                with suppress(OSError):
                    if os.path.samestat(held.stat(), wanted) and _to_write(process / "fdinfo" / held.name):
                        return True
    return False


def _to_write(fdinfo: Path) -> bool:
    words = fdinfo.read_text(encoding="ascii").split()
    return int(words[words.index("flags:") + 1], 8) & os.O_ACCMODE != os.O_RDONLY
