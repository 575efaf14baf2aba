"""How many messages one peer sends: more than it may in a second end its connection. Pure."""

MOST_MESSAGES = 200
"""A second, from one peer: an ack for every frame at the highest rate is 60."""
_SECOND_NS = 1_000_000_000


class Tally:
    """Counts what one peer sends, from second to second."""

    __slots__ = ("_count", "_until_ns")

    def __init__(self) -> None:
        self._count = self._until_ns = 0

    def too_many(self, now_ns: int) -> bool:
        """Count another message: whether it is more than the peer may send."""
        if now_ns >= self._until_ns:
            self._count, self._until_ns = 0, now_ns + _SECOND_NS
        self._count += 1
        return self._count > MOST_MESSAGES
