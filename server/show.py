"""The show: what the presenter has set for every screen, beside what documents tell. Pure state; parts plug in.

`docs/protocol.md` describes the key `show` that `hello` and frames carry. Whoever has a part of it registers a
callable with `add`, which gives that part's JSON or None, and calls `changed` so that the next frame has it.
"""

import logging
from collections.abc import Callable
from typing import Any

from engine.clock import NS

logger = logging.getLogger("wattrace.show")

Part = Callable[[], Any]

PARTS = ("presenter", "join", "bet", "load", "fallback")
"""What may plug in; null in the stream as long as nothing has."""
_TOLD_EVERY_NS = NS


class Show:
    """Freeze, hidden verdict, swapped sides, and the parts that others add."""

    def __init__(self) -> None:
        self.frozen = self.verdict_hidden = self.swapped = False
        self._parts: dict[str, Part] = {}
        self._changed = True
        self._told_ns: int | None = None

    def add(self, name: str, part: Part) -> None:
        """`part` gives what the stream has under `name` (one of PARTS): JSON, at most about a kilobyte, or None."""
        if name not in PARTS or name in self._parts:
            raise ValueError(f"{name!r} is no free part of the show; the parts are {', '.join(PARTS)}")
        self._parts[name] = part
        self.changed()

    def changed(self) -> None:
        """The next frame is to carry the show."""
        self._changed = True

    def payload(self) -> dict[str, Any]:
        """The show as it is now, whole."""
        return {
            "frozen": self.frozen,
            "verdict_hidden": self.verdict_hidden,
            "swapped": self.swapped,
            **{name: self._made(name) for name in PARTS},
        }

    def brief(self) -> dict[str, Any]:
        """What is set, in a few words: a recording has it at its start, and every change after that."""
        bet, load, join, fallback = (self._made(name) or {} for name in ("bet", "load", "join", "fallback"))
        return {
            "frozen": self.frozen,
            "verdict_hidden": self.verdict_hidden,
            "swapped": self.swapped,
            "bet": bet.get("state", "off"),
            "load": load.get("open", False),
            "join": join.get("shown", False),
            "fallback": "automatic" if fallback.get("automatic") else "by hand",
        }

    def fresh(self, now_ns: int) -> dict[str, Any]:
        """`{"show": ...}` when it has changed since it was last told, and once a second; else nothing."""
        due = self._told_ns is None or now_ns - self._told_ns >= _TOLD_EVERY_NS
        if not due and not self._changed:
            return {}
        self._changed, self._told_ns = False, now_ns
        return {"show": self.payload()}

    def _made(self, name: str) -> Any:
        """One part; one that fails is left out, because the frame's figures matter more."""
        try:
            return self._parts[name]() if name in self._parts else None
        except Exception:
            logger.exception("the show's part %s could not be made", name)
            return None
