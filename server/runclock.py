"""What time it is on the run's clock, judged by the documents that come from it. Pure."""

_LEASH_NS = 200_000_000
"""How far a replay's clock may be ahead of its documents, at speed 1: slow reading is not age."""


class RunClock:
    """Follows the run's clock: documents can only be late, so the earliest ones tell the time.

    `speed` is None for a live run (one second a second), else a replay's pace, 0 while it stands still.
    """

    def __init__(self, speed: float | None = None) -> None:
        self._replay = speed is not None
        self._speed = 1.0 if speed is None else speed
        self._anchor: tuple[int, int] | None = None
        self._heard_ns = 0
        self._stopped_ns: int | None = None

    def heard(self, t_ns: int, now_ns: int) -> None:
        """A document about `t_ns` (run clock) arrived at `now_ns` (ours)."""
        self._heard_ns = max(self._heard_ns, t_ns)
        if self._anchor is None or t_ns > self._free(now_ns):
            self._anchor = (now_ns, t_ns)

    def stop(self, t_ns: int) -> None:
        """The run ended at `t_ns`: no time passes on its clock any more."""
        self._stopped_ns = t_ns

    def halt(self) -> None:
        """Nothing will be heard any more: the newest document was the end."""
        if self._anchor is not None and self._stopped_ns is None:
            self._stopped_ns = self._heard_ns

    def change_speed(self, speed: float, now_ns: int) -> None:
        """Go on from here at another pace."""
        here = self.now(now_ns)
        self._anchor = None if here is None else (now_ns, here)
        self._speed = speed

    def land(self, t_ns: int, now_ns: int, speed: float) -> None:
        """A replay has jumped: it is `t_ns` now, and goes on at this pace."""
        self._anchor, self._speed = (now_ns, t_ns), speed
        self._heard_ns = max(self._heard_ns, t_ns)

    def now(self, now_ns: int) -> int | None:
        """The run's time at `now_ns`; None before its first document."""
        if self._anchor is None or self._stopped_ns is not None:
            return self._stopped_ns
        free = self._free(now_ns)
        return min(free, self._heard_ns + round(_LEASH_NS * max(self._speed, 1.0))) if self._replay else free

    def _free(self, now_ns: int) -> int:
        assert self._anchor is not None
        since_ns, t_ns = self._anchor
        return t_ns + round((now_ns - since_ns) * self._speed)
