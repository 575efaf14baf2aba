"""The control lock: which of several consoles acts now. Pure, but for the clock it is given.

Whoever acts first has it. Another console is refused until it takes it over, which it always may: the last one wins,
and everybody sees who that is. Ten minutes without an action free it.
"""

import math
from collections import OrderedDict

from engine.clock import NS, Clock
from engine.errors import ServerError

HELD_SECONDS = 600
API = "api"
"""The console of requests that name none: it has no name until it takes the lock, and needs none."""
_NAME_LENGTH = 40
_NAMES_KEPT = 32


class LockHeld(ServerError):
    """Another console, `holder` by name, has control for `seconds_left` more unless it is taken over."""

    def __init__(self, holder: str, seconds_left: int) -> None:
        super().__init__(holder, seconds_left)
        self.holder, self.seconds_left = holder, seconds_left

    def __str__(self) -> str:
        return f"{self.holder} has control; take it over first"


class Lock:
    """Who has control, by the consoles' ids."""

    def __init__(self, clock: Clock, seconds: float = HELD_SECONDS) -> None:
        self._clock, self._held_ns = clock, round(seconds * NS)
        self._names: OrderedDict[str, str] = OrderedDict()
        self._holder: str | None = None
        self._until_ns = 0

    @property
    def holder(self) -> str | None:
        """The id of the console that has control."""
        return self._holder if self._clock.now_ns() < self._until_ns else None

    def presenter(self) -> dict[str, object] | None:
        """What every screen may know of it: the holder's name, never its id."""
        holder = self.holder
        if holder is None:
            return None
        return {"name": self.name(holder), "seconds_left": self._seconds_left()}

    def name(self, console: str) -> str:
        """What the console has called itself."""
        return self._names.get(console, console if console == API else "another console")

    def take(self, console: str, name: str, *, over: bool) -> None:
        """Give control to `console`, called `name` from now on. Raises LockHeld unless it is free or taken `over`."""
        self._names[console] = named(name)
        self._names.move_to_end(console)
        while len(self._names) > _NAMES_KEPT:
            self._names.popitem(last=False)
        if not over:
            self._refuse_others(console)
        self._hold(console)

    def release(self, console: str) -> None:
        """Control is free, if `console` had it."""
        if self._holder == console:
            self._holder, self._until_ns = None, 0

    def act(self, console: str) -> None:
        """`console` does something: it keeps control, or gets it when it is free and it has a name. Raises LockHeld."""
        self._refuse_others(console)
        if self.holder == console or console in self._names:
            self._hold(console)

    def _hold(self, console: str) -> None:
        self._holder, self._until_ns = console, self._clock.now_ns() + self._held_ns

    def _refuse_others(self, console: str) -> None:
        if self.holder not in {None, console}:
            raise LockHeld(self.name(self._holder or ""), self._seconds_left())

    def _seconds_left(self) -> int:
        return max(0, math.ceil((self._until_ns - self._clock.now_ns()) / NS))


def named(name: str) -> str:
    """A console's name as it is shown: one line, not too long, never empty."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    return words[:_NAME_LENGTH].rstrip() or "a console"
