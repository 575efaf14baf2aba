"""Work as it comes: amounts with their times. Pure."""

from array import array
from bisect import bisect_left, bisect_right


class Flow:
    """How much of something had come by when.

    Tokens come in chunks, each at its time. A command's progress is told now and then of work that goes on all the
    while, so `continuous` amounts are spread evenly since the line before.
    """

    __slots__ = ("_so_far", "_t_ns", "continuous")

    def __init__(self, *, continuous: bool = False) -> None:
        self.continuous = continuous
        self._t_ns = array("q")
        self._so_far = array("d")

    def add(self, t_ns: int, amount: float) -> None:
        """`amount` came at `t_ns`."""
        self._t_ns.append(t_ns)
        self._so_far.append((self._so_far[-1] if self._so_far else 0.0) + amount)

    @property
    def total(self) -> float:
        """All that came."""
        return self._so_far[-1] if self._so_far else 0.0

    def last_until(self, t_ns: int) -> int | None:
        """When something came last, not after `t_ns`; None before anything did."""
        at = bisect_right(self._t_ns, t_ns)
        return self._t_ns[at - 1] if at else None

    def between(self, start_ns: int, end_ns: int) -> float:
        """What came from `start_ns` (included) to `end_ns` (excluded)."""
        return self._until(end_ns) - self._until(start_ns)

    def _until(self, t_ns: int) -> float:
        if not self.continuous:
            at = bisect_left(self._t_ns, t_ns)
            return self._so_far[at - 1] if at else 0.0
        at = bisect_right(self._t_ns, t_ns)
        before = self._so_far[at - 1] if at else 0.0
        if at in (0, len(self._t_ns)):
            return before
        share = (t_ns - self._t_ns[at - 1]) / (self._t_ns[at] - self._t_ns[at - 1])
        return before + share * (self._so_far[at] - before)
