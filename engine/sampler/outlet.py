"""A pipe that is written without ever blocking: what does not fit waits, or is told as a gap."""

import fcntl
import os
import select
import threading
import time

import orjson

from engine.documents import Descriptor, Mark, MarkKind, Page, encode

PIPE_BYTES = 1 << 20


class Outlet:
    """Documents on their way into file descriptor `fd`, at most about `limit_bytes` of them waiting.

    Beyond the limit pages are dropped whole until half of the backlog has gone; then a `gap` mark for each
    stream says from when to when its samples are missing. Raises BrokenPipeError once nobody reads any more.
    Any thread may send and flush.
    """

    def __init__(self, fd: int, *, limit_bytes: int = 4 << 20) -> None:
        self._fd, self._limit = fd, limit_bytes
        self._waiting = bytearray()
        self._lost: dict[str, tuple[int, int]] = {}
        self._lock = threading.RLock()

    def prepare(self) -> None:
        """Make the pipe large and non-blocking (what is not a pipe keeps its size)."""
        os.set_blocking(self._fd, False)
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            # Not a pipe, or above the user's pipe limit: the backlog alone must do.
            return

    def send(self, document: Descriptor | Page | Mark) -> None:
        """Queue `document`; a page is dropped when too much is waiting already."""
        line = _line(document)
        with self._lock:
            full = self._full()
            if full and isinstance(document, Page):
                self._lose(document)
                return
            if self._lost and not full:
                self._tell_losses()
            self._waiting += line

    def send_line(self, line: bytes) -> None:
        """Queue one line, newline included."""
        with self._lock:
            self._waiting += line

    def flush(self) -> bool:
        """Write what the pipe takes now; True when nothing waits any more."""
        with self._lock:
            while self._waiting:
                # All at once: every write wakes whoever reads.
                try:
                    written = os.write(self._fd, self._waiting)
                except BlockingIOError:
                    return False
                del self._waiting[:written]
            return True

    def drain(self, seconds: float) -> bool:
        """Write everything, waiting at most `seconds` for the reader; True when all has gone."""
        with self._lock:
            if not self._full():
                self._tell_losses()
        until = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        while not self.flush():
            left_ms = (until - time.monotonic()) * 1000
            if left_ms <= 0 or not poll.poll(left_ms):
                return False
        return True

    def _full(self) -> bool:
        # Half, once something was lost: else a slow reader would get a gap mark with every page.
        return len(self._waiting) >= (self._limit // 2 if self._lost else self._limit)

    def _lose(self, page: Page) -> None:
        first, _ = self._lost.get(page.stream, (page.t_ns[0], 0))
        self._lost[page.stream] = first, page.t_ns[-1]

    def _tell_losses(self) -> None:
        for stream, (first, last) in self._lost.items():
            text = "the reader was too slow"
            gap = Mark(kind=MarkKind.GAP, t_ns=first, end_t_ns=last, text=text, data={"stream": stream})
            self.send_line(encode(gap))
        self._lost.clear()


def _line(document: Descriptor | Page | Mark) -> bytes:
    """As `encode`; a page, of which there are a hundred a second, without its detour through pydantic."""
    if isinstance(document, Page):
        return orjson.dumps(document.__dict__, option=orjson.OPT_APPEND_NEWLINE)
    return encode(document)
