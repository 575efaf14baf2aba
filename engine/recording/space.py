"""The space that is left for a recording: how long it will do, judged from how fast it goes. Pure but for one call."""

import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.clock import NS

KEPT_BYTES = 16 << 20
"""Left to others, and for what a run writes when it ends; on a small disk no more than half of what there is."""

_WARN_MINUTES = (15.0, 5.0, 2.0)
_END_SECONDS = 10.0
_WINDOW_NS = 60 * NS
_LEAST_WINDOW_NS = 5 * NS
_LEAST_BYTES_PER_SECOND = 4096.0
"""Of a run that only just began nobody knows how fast it will be."""


@dataclass(frozen=True)
class Space:
    """What is to be done: `warn` once at each threshold, `end` before there is none left."""

    do: Literal["nothing", "warn", "end"]
    free_bytes: int
    minutes_left: float


class SpaceWatch:
    """Looks at how many bytes are free, as often as it is told; others may be filling the disk too."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque()
        self._warned = len(_WARN_MINUTES) * [False]
        self._kept: int | None = None

    def look(self, t_ns: int, free_bytes: int) -> Space:
        """So much is free at `t_ns`."""
        self._kept = min(KEPT_BYTES, free_bytes // 2) if self._kept is None else self._kept
        self._seen.append((t_ns, free_bytes))
        while t_ns - self._seen[0][0] > _WINDOW_NS:
            self._seen.popleft()
        seconds_left = max(free_bytes - self._kept, 0) / self._bytes_per_second()
        minutes = seconds_left / 60
        if seconds_left < _END_SECONDS:
            return Space("end", free_bytes, minutes)
        due = [minutes < threshold for threshold in _WARN_MINUTES]
        new = any(is_due and not was for is_due, was in zip(due, self._warned, strict=True))
        self._warned = [was or is_due for is_due, was in zip(due, self._warned, strict=True)]
        return Space("warn" if new else "nothing", free_bytes, minutes)

    def _bytes_per_second(self) -> float:
        (first_ns, first), (last_ns, last) = self._seen[0], self._seen[-1]
        if last_ns - first_ns < _LEAST_WINDOW_NS:
            return _LEAST_BYTES_PER_SECOND
        return max((first - last) * NS / (last_ns - first_ns), _LEAST_BYTES_PER_SECOND)


def free_bytes(path: Path) -> int:
    """How much this user may still write where `path` is. Raises OSError where that cannot be told."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize
