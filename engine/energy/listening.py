"""When one device was asked, and when it answered: outages, and silence that has not ended. Pure."""

from collections.abc import Sequence

from engine.clock import NS

GAP_NS = NS // 10
"""Readings that are further apart than this leave a gap that is told, unless the device is asked more seldom."""

_SELDOM = 1.5
"""So many times the usual distance of readings is a gap where that is longer: one was left out."""


class Listening:
    """Times of readings. `newest_ns` is when the device was last asked, `answered_ns` when it last gave anything."""

    def __init__(self) -> None:
        self.newest_ns: int | None = None
        self.answered_ns: int | None = None
        self._gaps: list[tuple[int, int]] = []
        self._apart_ns = 0

    @property
    def gap_ns(self) -> int:
        """How far readings may be apart now."""
        return max(GAP_NS, round(_SELDOM * self._apart_ns))

    def heard(self, t_ns: int, *, answered: bool) -> None:
        """It was asked, and answered or did not."""
        before, self.newest_ns = self.newest_ns, t_ns
        if answered:
            if self.answered_ns is not None and t_ns - self.answered_ns > self.gap_ns:
                self._gaps.append((self.answered_ns, t_ns))
            self.answered_ns = t_ns
        if before is not None:
            self._apart_ns = t_ns - before

    def answered_all(self, t_ns: Sequence[int]) -> None:
        """It was asked and answered each time, no two of them further apart than GAP_NS."""
        before = t_ns[-2] if len(t_ns) > 1 else self.newest_ns
        self._apart_ns = t_ns[-1] - before if before is not None else 0
        self.newest_ns = self.answered_ns = t_ns[-1]

    def told_until(self, end_ns: int, silent_ns: int | None = None) -> int:
        """How much of a window that ends then is over for the device: all of it, when it has fallen silent before.

        `silent_ns` is how long it must have been silent for that; None: longer than readings are apart.
        """
        newest = self.newest_ns or end_ns
        return end_ns if end_ns - newest > (silent_ns or self.gap_ns) else min(end_ns, newest)

    def missed(self, start_ns: int, end_ns: int, silent_ns: int | None = None) -> bool:
        """Whether it did not answer for a part of the window; silence that has not ended counts after `silent_ns`."""
        now, answered = max(self.newest_ns or 0, end_ns), self.answered_ns
        silent = answered is not None and now - answered > (silent_ns or self.gap_ns)
        silence = [(answered, now)] if answered is not None and silent else []
        return any(begin < end_ns and end > start_ns for begin, end in (*self._gaps, *silence))

    def forget_before(self, t_ns: int) -> None:
        """Drop the gaps that were over before."""
        self._gaps = [gap for gap in self._gaps if gap[1] >= t_ns]
