"""Lines out of chunks of bytes, without a limit that a long document could meet. Pure."""

MAX_LINE_BYTES = 16 * 1024 * 1024


class Lines:
    """Cuts a stream of bytes into lines; one longer than `limit` is dropped whole and counted."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self.limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._oversized = 0

    @property
    def rest(self) -> bytes:
        """What has come after the last line end."""
        return b"".join(self._parts)

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their ends; empty ones are left out."""
        *ended, rest = chunk.split(b"\n")
        lines = [line for end in ended if (line := self._complete(end))]
        self._keep(rest)
        return lines

    def take_oversized(self) -> int:
        """How many lines have been dropped since the last call."""
        count, self._oversized = self._oversized, 0
        return count

    def _complete(self, end: bytes) -> bytes:
        self._keep(end)
        dropped = self._size > self.limit
        line = b"" if dropped else self.rest
        self._oversized += dropped
        self._parts, self._size = [], 0
        return line

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self.limit:
            self._parts = []
        elif part:
            self._parts.append(part)
