"""Parts of the run on stage for viewers who join late, or look back: the same part is made once for all who ask."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

import orjson

from engine.clock import NS
from server.archive import Archive
from server.buckets import columns
from server.hub import Hub

MOST_POINTS = 2000
_GRID_NS = NS // 2
"""Windows are widened to this grid, so that viewers who join at about the same time ask for the same."""
_MOST_KEPT = 64
_MOST_DIGITS = 18
_OVER = frozenset({"idle", "done", "failed", "aborted"})


class Part(NamedTuple):
    """What is asked for: a window of the run's clock, in about so many points, and whose power."""

    from_ns: int
    to_ns: int
    points: int
    arm: str | None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "Part":
        """From a request's words. Raises ValueError with a sentence."""
        from_ns = _whole(query, "from", 0)
        to_ns = _whole(query, "to", 10**_MOST_DIGITS - 1)
        points = _whole(query, "points", 600)
        if not 1 <= points <= MOST_POINTS:
            raise ValueError(f"points must be 1 to {MOST_POINTS}")
        if to_ns < from_ns:
            raise ValueError("to must not be before from")
        return cls(from_ns - from_ns % _GRID_NS, to_ns + -to_ns % _GRID_NS, points, query.get("arm"))


class History:
    """Answers in JSON."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._made: OrderedDict[tuple[Archive, int, int, int], bytes] = OrderedDict()

    def part(self, asked: Part) -> bytes:
        """`{"run", "from", "to", "t_ns", "mean", "min", "max", "arm"}`; the window is no longer than the run so far."""
        now_ns = self.hub.scene.clock.now(self.hub.clock.now_ns()) or 0
        archive = self.hub.scene.powers.archive(asked.arm)
        part = asked._replace(to_ns=min(asked.to_ns, now_ns + -now_ns % _GRID_NS))
        # The archive itself is in the key: another run, or another pass of a replay, has another one.
        key = (archive, part.from_ns, part.to_ns, part.points)
        if (made := self._made.get(key)) is not None:
            return made
        found = self.hub.scene.powers.between(part.from_ns, part.to_ns, part.points, part.arm)
        head = {"run": self.hub.run_id, "from": part.from_ns, "to": part.to_ns}
        made = orjson.dumps({**head, **columns(found)})
        if part.to_ns <= archive.newest_ns or self.hub.scene.state in _OVER:  # nothing will be added to it
            self._made[key] = made
            while len(self._made) > _MOST_KEPT:
                self._made.popitem(last=False)
        return made


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        raise ValueError(f"{name} must be a whole number")
    return int(text)
