"""The power of a run as viewers see it: of all devices together, and of each arm where all run at once. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from engine.documents import Page, Start
from server.archive import Archive
from server.buckets import MOST_FRESH, Bucket, Envelope, columns


class Powers:
    """The envelopes of one run, with buckets of `period_ns`.

    Arms that take turns share one. Arms that run in parallel have devices of their own, so each has its own as well.
    """

    def __init__(self, period_ns: int) -> None:
        self._period_ns = period_ns
        self._together = Envelope(period_ns)
        self._archives: dict[str | None, Archive] = {None: Archive(period_ns)}
        """Of all together (None), and of each arm where all run at once."""
        self._apart: dict[str, Envelope] = {}
        self._arms_on: dict[str, list[str]] = {}

    def begin_run(self, start: Start) -> None:
        """A run begins: which arms are on which devices."""
        schedule = start.demo.get("schedule")
        if not isinstance(schedule, dict) or schedule.get("mode") != "parallel":
            return
        for arm in start.arms:
            self._apart[arm.label] = Envelope(self._period_ns)
            self._archives[arm.label] = Archive(self._period_ns)
            for stream in arm.devices:
                self._arms_on.setdefault(stream, []).append(arm.label)

    def expect(self, stream: str) -> None:
        """A device is there."""
        for envelope in self._fed_by(stream):
            envelope.expect(stream)

    def add(self, page: Page) -> None:
        """Samples of one device."""
        for envelope in self._fed_by(page.stream):
            envelope.add(page)

    def begin_round(self, t_ns: int, arm: str) -> None:
        """Arm `arm` is on."""
        self._apart.get(arm, self._together).turns.begin(t_ns, arm)

    def end_round(self, t_ns: int, arm: str) -> None:
        """Arm `arm` is no longer on."""
        self._apart.get(arm, self._together).turns.end(t_ns)

    def fresh(self) -> dict[str, Any]:
        """`power`, and `powers` by arm, of a frame: what is not brought again."""
        together = columns(self._fresh(None, self._together))
        return {"power": together, **self._each(self._fresh)}

    def _fresh(self, label: str | None, envelope: Envelope) -> Sequence[Bucket]:
        fresh = envelope.fresh()
        for bucket in fresh:
            self._archives[label].add(bucket)
        return fresh[-MOST_FRESH:]

    def between(self, from_ns: int, to_ns: int, points: int, arm: str | None = None) -> list[Bucket]:
        """Any part of the run, of all devices together, or of `arm`'s own where all arms run at once."""
        return self.archive(arm).between(from_ns, to_ns, points)

    def archive(self, arm: str | None) -> Archive:
        """That of `arm`, where it has one of its own, else of all together."""
        return self._archives.get(arm, self._archives[None])

    def history(self, points: int) -> dict[str, Any]:
        """`history`, and `powers` by arm, of a hello: about `points` buckets in all."""
        share = points // (1 + len(self._apart))
        together = columns(self._together.history(share))
        return {"history": together, **self._each(lambda _, envelope: envelope.history(share))}

    def _each(self, buckets: Callable[[str, Envelope], Sequence[Bucket]]) -> dict[str, Any]:
        found = {label: columns(buckets(label, envelope)) for label, envelope in self._apart.items()}
        return {"powers": found} if found else {}

    def _fed_by(self, stream: str) -> list[Envelope]:
        return [self._together, *(self._apart[label] for label in self._arms_on.get(stream, ()))]
