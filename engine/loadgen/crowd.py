"""Questions from the audience: asked as extra clients of the rounds that run, kept a while when none does. No I/O."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MOST_WAITING = 256
"""Whoever sends them has a smaller bound; this one is for a sender that has none."""


@dataclass(frozen=True)
class Question:
    """What somebody in the audience asks; `number` is the sender's own."""

    number: int
    text: str


Host = Callable[[Question], bool]
"""Takes a question into its round; False when that takes none any more."""


class Crowd:
    """Brings questions to the rounds that run: to each of them where arms run together, so that all get the same."""

    def __init__(self) -> None:
        self._hosts: list[Host] = []
        self._waiting: dict[int, Question] = {}

    @property
    def waiting(self) -> int:
        """Questions that no round has taken yet."""
        return len(self._waiting)

    def ask(self, question: Question) -> bool:
        """Bring it to the rounds that run, or else to the next one; False when too many wait already."""
        taken = [host(question) for host in tuple(self._hosts)]
        if any(taken):
            return True
        if len(self._waiting) >= MOST_WAITING:
            return False
        self._waiting[question.number] = question
        return True

    @contextlib.contextmanager
    def hosted(self, host: Host) -> Iterator[None]:
        """`host` takes questions for as long as the block lasts: first those that wait, oldest first."""
        self._hosts.append(host)
        for number in sorted(self._waiting):
            if host(self._waiting[number]):
                del self._waiting[number]
        try:
            yield
        finally:
            self._hosts.remove(host)
