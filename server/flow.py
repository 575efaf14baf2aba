"""The viewers that keep up: a frame goes to all of them in one loop over their connections' `send`. Pure.

Looking at each viewer for each frame costs more than half of what the writing costs, since between two system calls
little of it stays in the processor's caches. So credit is settled only when a viewer acknowledges, and when it would
run out; for who acknowledges every tenth frame that is about every tenth.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from server.frames import Credit, Message


class Member(Protocol):
    """A viewer, as far as this matters here."""

    credit: Credit
    review_seq: int

    def unsent(self, rest: bytes) -> None:
        """The system did not take so much of a frame."""
        ...


ViewerT = TypeVar("ViewerT", bound=Member)


class Flow(Generic[ViewerT]):
    """Who has had everything up to frame `seq`, and gets the next at once."""

    def __init__(self) -> None:
        self.seq = 0
        self.others: set[ViewerT] = set()
        """Who is looked at for every frame."""
        self._sends: dict[ViewerT, Callable[[bytes], int]] = {}
        self._due: defaultdict[int, list[ViewerT]] = defaultdict(list)
        """By the frame before which their credit is to be looked at."""

    def enter(self, viewer: ViewerT, send: Callable[[bytes], int]) -> None:
        """It has had everything up to now, and has room. `send` says how many bytes the system took."""
        self.others.discard(viewer)
        self._sends[viewer] = send
        self.review(viewer)

    def leave(self, viewer: ViewerT) -> None:
        """It does not keep up. Its credit is settled."""
        if self._sends.pop(viewer, None) is not None:
            viewer.credit.flowed(self.seq)
            self.others.add(viewer)

    def forget(self, viewer: ViewerT) -> None:
        """It is gone."""
        self.leave(viewer)
        self.others.discard(viewer)

    def settle(self, viewer: ViewerT) -> None:
        """Bring its credit up to date."""
        if viewer in self._sends:
            viewer.credit.flowed(self.seq)

    def review(self, viewer: ViewerT) -> None:
        """Look at its credit when it would run out; who has never acknowledged, has no credit that could."""
        if viewer in self._sends and viewer.credit.acknowledges:
            viewer.review_seq = self.seq + 1 + viewer.credit.left
            self._due[viewer.review_seq].append(viewer)

    def send(self, message: Message) -> None:
        """Write it to everyone; whoever's connection fails at it costs the others nothing."""
        if message.is_frame:
            self.seq = message.seq
        framed = message.framed
        size = len(framed)
        for send in list(self._sends.values()):
            try:
                taken = send(framed)
            except OSError:  # it is full, or gone
                taken = 0
            if taken != size:
                next(viewer for viewer, its in self._sends.items() if its is send).unsent(framed[taken:])

    def turn_out(self, seq: int) -> None:
        """Have those leave who have no credit for frame `seq`."""
        for viewer in self._due.pop(seq, ()):
            if viewer.review_seq != seq or viewer not in self._sends:
                continue  # it has acknowledged, or left and come back, and will be looked at another time
            viewer.credit.flowed(self.seq)
            if viewer.credit.exhausted:
                self.leave(viewer)
            else:
                self.review(viewer)
