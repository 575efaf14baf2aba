"""The viewers that keep up: a frame goes to all of them in one loop over their connections' `send`. Pure.

Looking at each viewer for each frame costs more than half of what the writing costs, since between two system calls
little of it stays in the processor's caches. So credit is settled only when a viewer acknowledges, and when it would
run out; for who acknowledges every tenth frame that is about every tenth.

What is left is the writing itself, whose price is by the piece and not by the byte; so is the air's, where a thousand
phones share a few access points. A crowd therefore gets two frames at a time, half of it by turns with the other half.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from server.frames import Credit, Message


class Member(Protocol):
    """A viewer, as far as this matters here."""

    credit: Credit
    review_seq: int
    lane: "Lane[Any] | None"
    prompt: bool

    def unsent(self, rest: bytes) -> None:
        """The system did not take so much of a frame."""
        ...


ViewerT = TypeVar("ViewerT", bound=Member)


class Lane(Generic[ViewerT]):
    """Some of the viewers, and by which `send` each is reached; they have had all up to frame `had`, and not `owed`."""

    def __init__(self) -> None:
        self.sends: dict[ViewerT, Callable[[bytes], int]] = {}
        self.had = 0
        self.owed: list[Message] = []

    def bring(self, seq: int) -> None:
        """Write what is owed to all of them; whoever's connection fails at it costs the others nothing."""
        one, *more = self.owed
        framed = b"".join((one.framed, *(message.framed for message in more))) if more else one.framed
        self.had, self.owed, size = seq, [], len(framed)
        for send in list(self.sends.values()):
            try:
                taken = send(framed)
            except OSError:  # it is full, or gone
                taken = 0
            if taken != size:
                next(viewer for viewer, its in self.sends.items() if its is send).unsent(framed[taken:])


class Flow(Generic[ViewerT]):
    """Who has had everything up to frame `seq`, or is owed the last one; more than `crowd` get two at a time."""

    def __init__(self, crowd: int) -> None:
        self.crowd = crowd
        self.seq = 0
        self.others: set[ViewerT] = set()
        """Who is looked at for every frame."""
        self._prompt = Lane[ViewerT]()
        """Who asked for every frame at once, as a stage does."""
        self._turns = (Lane[ViewerT](), Lane[ViewerT]())
        """The even frames are the turn of the first, the odd ones that of the second, while there is a crowd."""
        self._due: defaultdict[int, list[ViewerT]] = defaultdict(list)
        """By the frame before which their credit is to be looked at."""

    def __len__(self) -> int:
        return sum(len(lane.sends) for lane in (self._prompt, *self._turns))

    def enter(self, viewer: ViewerT, send: Callable[[bytes], int]) -> None:
        """It has had everything up to now, and has room. `send` says how many bytes the system took."""
        self.others.discard(viewer)
        even_with_it = [lane for lane in self._turns if not lane.owed]
        lane = self._prompt if viewer.prompt else min(even_with_it, key=lambda lane: len(lane.sends))
        lane.sends[viewer] = send
        viewer.lane = lane
        self.review(viewer)

    def leave(self, viewer: ViewerT) -> None:
        """It does not keep up. Its credit is settled, and what it was owed waits for it."""
        lane, viewer.lane = viewer.lane, None
        if lane is None:
            return
        del lane.sends[viewer]
        self.others.add(viewer)
        viewer.credit.flowed(lane.had)
        for message in lane.owed:
            viewer.credit.offer(message)

    def forget(self, viewer: ViewerT) -> None:
        """It is gone."""
        self.leave(viewer)
        self.others.discard(viewer)

    def settle(self, viewer: ViewerT) -> None:
        """Bring its credit up to date."""
        if viewer.lane is not None:
            viewer.credit.flowed(viewer.lane.had)

    def review(self, viewer: ViewerT, soonest: int = 0) -> None:
        """Look at its credit when it would run out; who has never acknowledged, has no credit that could."""
        if viewer.lane is not None and viewer.credit.acknowledges:
            viewer.review_seq = max(soonest, viewer.lane.had + 1 + viewer.credit.left)
            self._due[viewer.review_seq].append(viewer)

    def send(self, message: Message) -> None:
        """Write it to everyone whose turn it is: to all, if there is no crowd, or it is no frame."""
        all_at_once = not message.is_frame or len(self) <= self.crowd
        if message.is_frame:
            self.seq = message.seq
        for lane in (self._prompt, *self._turns):
            lane.owed.append(message)
            if all_at_once or lane is not self._turns[(message.seq + 1) % 2]:
                lane.bring(self.seq)

    def turn_out(self, seq: int) -> None:
        """Have those leave who have no credit for frame `seq`, or for the one before that they are owed.

        Credit for the first of two is credit for both: a turn must not leave less time for an ack.
        """
        for viewer in self._due.pop(seq, ()):
            if viewer.review_seq != seq or viewer.lane is None:
                continue  # it has acknowledged, or left and come back, and will be looked at another time
            viewer.credit.flowed(viewer.lane.had)
            if viewer.credit.exhausted:
                self.leave(viewer)
            else:
                self.review(viewer, soonest=seq + 1)
