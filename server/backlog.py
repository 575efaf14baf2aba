"""The last minute of frames, for viewers who come back and want just what they missed. Pure."""

from collections import deque

from server.frames import Message

KEPT_SECONDS = 60
RESUME_BYTES = 1 << 20
"""More than this a viewer does not get again: a hello with decimated history is cheaper, for it and for the hall."""


class Backlog:
    """Keeps the newest `capacity` frames; their numbers have no gap."""

    def __init__(self, capacity: int) -> None:
        self._kept: deque[tuple[Message, int]] = deque(maxlen=capacity)

    def add(self, message: Message, edition: int) -> None:
        """One more frame, made while the scene's edition was `edition`."""
        self._kept.append((message, edition))

    @property
    def oldest(self) -> int:
        """The number of the oldest frame that is kept; 0 when there is none."""
        return self._kept[0][0].seq if self._kept else 0

    def get(self, seq: int) -> Message | None:
        """Frame `seq`, None when it is not there (not yet, or no more)."""
        at = seq - self.oldest
        return self._kept[at][0] if self._kept and 0 <= at < len(self._kept) else None

    def resumable(self, since: int, edition: int) -> bool:
        """Whether who has seen frame `since` can go on from there.

        Everything after it must be kept, be of the same edition (else its hello is out of date), and be cheaper to
        send than to show afresh.
        """
        at = since - self.oldest
        if not self._kept or not 0 <= at < len(self._kept) or self._kept[at][1] != edition:
            return False
        newest = self._kept[-1][0]
        # Frames are alike in length, so the newest stands for all: counting them would take a walk over the deque.
        return (newest.seq - since) * newest.size <= RESUME_BYTES
