"""The power of a run as viewers see it: of all devices together, and of each arm where all run at once. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from engine.documents import Page, Start
from server.buckets import Bucket, Envelope, columns


class Powers:
    """The envelopes of one run, with buckets of `period_ns`.

    Arms that take turns share one. Arms that run in parallel have devices of their own, so each has its own as well.
    """

    def __init__(self, period_ns: int) -> None:
        self._period_ns = period_ns
        self._together = Envelope(period_ns)
        self._apart: dict[str, Envelope] = {}
        self._arms_on: dict[str, list[str]] = {}

    def begin_run(self, start: Start) -> None:
        """A run begins: which arms are on which devices."""
        schedule = start.demo.get("schedule")
        if not isinstance(schedule, dict) or schedule.get("mode") != "parallel":
            return
        for arm in start.arms:
            self._apart[arm.label] = Envelope(self._period_ns)
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
        return {"power": columns(self._together.fresh()), **self._each(lambda envelope: envelope.fresh())}

    def history(self, points: int) -> dict[str, Any]:
        """`history`, and `powers` by arm, of a hello: about `points` buckets in all."""
        share = points // (1 + len(self._apart))
        together = columns(self._together.history(share))
        return {"history": together, **self._each(lambda envelope: envelope.history(share))}

    def _each(self, buckets: Callable[[Envelope], Sequence[Bucket]]) -> dict[str, Any]:
        found = {label: columns(buckets(envelope)) for label, envelope in self._apart.items()}
        return {"powers": found} if found else {}

    def _fed_by(self, stream: str) -> list[Envelope]:
        return [self._together, *(self._apart[label] for label in self._arms_on.get(stream, ()))]
