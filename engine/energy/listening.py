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
        self._apart_ns, self._distance_ns = 0, None  # type: int, int | None

    @property
    def gap_ns(self) -> int:
        """How far readings may be apart now."""
        return max(GAP_NS, round(_SELDOM * self._apart_ns))

    def hole(self, t_ns: int) -> bool:
        """Whether a reading at `t_ns` comes so late after the last one that something was left out."""
        return self.newest_ns is not None and t_ns - self.newest_ns > self.gap_ns

    def heard(self, t_ns: int, *, answered: bool) -> None:
        """It was asked, and answered or did not."""
        before, self.newest_ns = self.newest_ns, t_ns
        if answered:
            if self.answered_ns is not None and t_ns - self.answered_ns > self.gap_ns:
                self._gaps.append((self.answered_ns, t_ns))
            self.answered_ns = t_ns
        if before is not None:
            # A single long distance is a hole and not the usual one; the second is another rate.
            last_ns, self._distance_ns = self._distance_ns, t_ns - before
            self._apart_ns = self._distance_ns if last_ns is None else min(last_ns, self._distance_ns)

    def answered_all(self, t_ns: Sequence[int]) -> None:
        """It was asked and answered each time, no two of them further apart than GAP_NS."""
        if len(t_ns) > 3:
            self.newest_ns = self.answered_ns = t_ns[-4]
        for at_ns in t_ns[-3:]:
            self.heard(at_ns, answered=True)

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
