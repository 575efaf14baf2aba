"""When an arm read prompts, as far as its clients can tell and its power sensor can resolve it. Pure.

A request is read from when it has a slot (at its submission, or when another one's end made room) to its first token.
"""

from collections import deque
from statistics import median

from engine.clock import NS
from engine.documents import Mark, MarkKind

FASTEST_NS = NS // 20
"""A sensor that renews its power less often smears prompts and answers into one."""
_PERIODS = 2
"""How many of the sensor's periods reading usually has to take to be seen as such."""
_JUDGED, _MOST = 20, 50


class Prefill:
    """The spans in which one arm read prompts; memory is bounded by the requests in flight."""

    def __init__(self) -> None:
        self._slots = 0
        self._reading: dict[int, int] = {}
        self._writing: set[int] = set()
        self._waiting: deque[int] = deque()
        self._lengths: deque[int] = deque(maxlen=_JUDGED)
        self._fresh: deque[tuple[int, int]] = deque(maxlen=_MOST)

    def mark(self, mark: Mark) -> None:
        """Rounds and requests of this arm."""
        match mark.kind:
            case MarkKind.ROUND_BEGIN | MarkKind.ROUND_END:
                slots = mark.data.get("slots")
                self._slots = slots if isinstance(slots, int) else 0
                self._reading, self._writing, self._waiting = {}, set(), deque()
            case MarkKind.REQUEST_SUBMITTED if mark.request is not None:
                self._waiting.append(mark.request)
                self._admit(mark.t_ns)
            case MarkKind.REQUEST_FIRST_TOKEN if mark.request in self._reading:
                self._read(self._reading.pop(mark.request), mark.t_ns)
                self._writing.add(mark.request)
            case MarkKind.REQUEST_FINISHED | MarkKind.REQUEST_FAILED if mark.request is not None:
                self._leave(mark.request)
                self._admit(mark.t_ns)
            case _:
                pass

    def fresh(self, period_ns: float | None) -> list[list[int]]:
        """Begin and end of what was read since the last call; nothing where a sensor of this period cannot see it."""
        found = [list(span) for span in self._fresh]
        self._fresh.clear()
        if period_ns is None or period_ns > FASTEST_NS or not self._lengths:
            return []
        return found if median(self._lengths) >= _PERIODS * period_ns else []

    def _admit(self, t_ns: int) -> None:
        while self._waiting and len(self._reading) + len(self._writing) < self._slots:
            self._reading[self._waiting.popleft()] = t_ns

    def _read(self, begun_ns: int, ended_ns: int) -> None:
        self._lengths.append(ended_ns - begun_ns)
        if self._fresh and begun_ns <= self._fresh[-1][1]:
            begun_ns = min(begun_ns, self._fresh.pop()[0])
        self._fresh.append((begun_ns, ended_ns))

    def _leave(self, request: int) -> None:
        self._reading.pop(request, None)
        self._writing.discard(request)
        if request in self._waiting:
            self._waiting.remove(request)
