"""The power of a whole run, for who joins late or looks back: at full rate, and ready-made at coarser ones. Pure."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from server.buckets import Bucket, merged

_STEP = 10
"""Each level is so much coarser than the one below."""
_LEVELS = 3
_MOST_ROWS_A_POINT = 4
"""A coarser level is taken rather than to go through more: it is done while frames wait."""
FULL_RATE_ROWS = 144_000
"""Two hours at 20 a second; what is older is there at the coarser levels only."""
_BLOCK_ROWS = FULL_RATE_ROWS // 2
"""An hour: 1.5 MB."""


class _Level:
    """Buckets in columns: a few bytes a row, where objects would take hundreds.

    Columns grow by whole blocks. Row by row they would be moved a hundred times in an hour, and leave as many holes.
    """

    def __init__(self, block: int) -> None:
        self._block = block
        self.rows = 0
        self.t_ns, self.values, self.arms = array("q"), array("f"), array("b")

    def add(self, bucket: Bucket, arm: int) -> None:
        row = self.rows
        if row == len(self.t_ns):
            for column, width in ((self.t_ns, 1), (self.values, 3), (self.arms, 1)):
                column.frombytes(bytes(self._block * width * column.itemsize))
        self.t_ns[row], self.arms[row] = bucket.t_ns, arm
        self.values[3 * row : 3 * row + 3] = array("f", (bucket.mean, bucket.low, bucket.high))
        self.rows += 1

    def drop(self, rows: int) -> None:
        del self.t_ns[:rows], self.values[: 3 * rows], self.arms[:rows]
        self.rows -= rows

    def between(self, from_ns: int, to_ns: int) -> tuple[int, int]:
        """The first row of the window, and the first after it."""
        return bisect_left(self.t_ns, from_ns, hi=self.rows), bisect_right(self.t_ns, to_ns, hi=self.rows)


class Archive:
    """Takes every bucket of a run in order, `period_ns` apart, and gives any part of it in about so many points."""

    def __init__(self, period_ns: int) -> None:
        self._period_ns = period_ns
        self._names: list[str | None] = [None]
        self._levels = [_Level(_BLOCK_ROWS // _STEP**level) for level in range(_LEVELS)]
        self._open: list[list[Bucket]] = [[] for _ in range(_LEVELS)]

    def add(self, bucket: Bucket) -> None:
        """One more bucket."""
        if bucket.arm not in self._names:
            self._names.append(bucket.arm)
        self._enter(0, bucket)
        finest = self._levels[0]
        if finest.rows > FULL_RATE_ROWS + FULL_RATE_ROWS // 10:
            finest.drop(finest.rows - FULL_RATE_ROWS)

    def _enter(self, level: int, bucket: Bucket) -> None:
        self._levels[level].add(bucket, self._names.index(bucket.arm))
        if level + 1 == _LEVELS:
            return
        group, span_ns = self._open[level], self._period_ns * _STEP ** (level + 1)
        if group and ((group[-1].t_ns - 1) // span_ns, group[-1].arm) != ((bucket.t_ns - 1) // span_ns, bucket.arm):
            self._enter(level + 1, next(merged(group, span_ns)))
            group.clear()
        group.append(bucket)

    def between(self, from_ns: int, to_ns: int, points: int) -> list[Bucket]:
        """The buckets that end within the window, merged to about `points` (never over a change of turns)."""
        for number, level in enumerate(self._levels):
            first, last = level.between(from_ns, to_ns)
            reaches_back = number > 0 or first > 0 or not self._forgot
            if reaches_back and last - first <= _MOST_ROWS_A_POINT * points:
                break
        span_ns = max(self._period_ns, (to_ns - from_ns) // max(points, 1))
        return list(merged([*self._rows(level, first, last), *self._unfinished(number, from_ns, to_ns)], span_ns))

    def _unfinished(self, number: int, from_ns: int, to_ns: int) -> list[Bucket]:
        """What level `number` lacks: groups that are still open on the levels below it, the coarsest first."""
        groups = (group for group in reversed(self._open[:number]))
        return [bucket for group in groups for bucket in group if from_ns <= bucket.t_ns <= to_ns]

    @property
    def newest_ns(self) -> int:
        """The end of the newest bucket."""
        finest = self._levels[0]
        return finest.t_ns[finest.rows - 1] if finest.rows else 0

    @property
    def _forgot(self) -> bool:
        """Whether the oldest rows are there at the coarser levels only."""
        finest, coarser, *_ = self._levels
        return bool(finest.rows and coarser.rows) and coarser.t_ns[0] < finest.t_ns[0]

    def _rows(self, level: _Level, first: int, last: int) -> Iterator[Bucket]:
        for row in range(first, last):
            mean, low, high = (round(value, 2) for value in level.values[3 * row : 3 * row + 3])
            yield Bucket(level.t_ns[row], mean, low, high, self._names[level.arms[row]])
