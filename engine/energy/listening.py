"""When one device was asked, and when it answered: outages, and silence that has not ended. Pure."""

from engine.clock import NS

GAP_NS = NS // 10
"""Readings that are further apart than this leave a gap that is told."""


class Listening:
    """Times of readings. `newest_ns` is when the device was last asked, `answered_ns` when it last gave anything."""

    def __init__(self) -> None:
        self.newest_ns: int | None = None
        self.answered_ns: int | None = None
        self._gaps: list[tuple[int, int]] = []

    def heard(self, t_ns: int, *, answered: bool) -> None:
        """It was asked, and answered or did not."""
        self.newest_ns = t_ns
        if answered:
            if self.answered_ns is not None and t_ns - self.answered_ns > GAP_NS:
                self._gaps.append((self.answered_ns, t_ns))
            self.answered_ns = t_ns

    def told_until(self, end_ns: int, silent_ns: int = GAP_NS) -> int:
        """How much of a window that ends then is over for the device: all of it, when it has fallen silent before."""
        newest = self.newest_ns or end_ns
        return end_ns if end_ns - newest > silent_ns else min(end_ns, newest)

    def missed(self, start_ns: int, end_ns: int, silent_ns: int = GAP_NS) -> bool:
        """Whether it did not answer for a part of the window; silence that has not ended counts after `silent_ns`."""
        now, answered = max(self.newest_ns or 0, end_ns), self.answered_ns
        silence = [(answered, now)] if answered is not None and now - answered > silent_ns else []
        return any(begin < end_ns and end > start_ns for begin, end in (*self._gaps, *silence))

    def forget_before(self, t_ns: int) -> None:
        """Drop the gaps that were over before."""
        self._gaps = [gap for gap in self._gaps if gap[1] >= t_ns]
