"""Devices on their way: each is opened in a thread of its own, since a driver may hang from the very first call."""

from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from engine.clock import Clock
from engine.documents import Descriptor, Mark
from engine.metrics import FAST_LANE, UNANSWERED
from engine.sampler.reader import Emit, Reader, call_cost_ns, hung_mark
from engine.sources import Candidate, Source
from engine.sources.patience import started


@dataclass(frozen=True)
class Opened:
    """A device that answers: what it says of itself, and how long one of its fast calls takes."""

    source: Source
    facts: dict[str, JsonValue]
    call_ns: float


class Opening:
    """Opens `candidate` from now on; `own_stream` and `share` are its reader's.

    Until it answers, it is described as a device of which nothing is known.
    """

    def __init__(
        self, candidate: Candidate, clock: Clock, emit: Emit, *, own_stream: str = "sampler", share: float = 1.0
    ) -> None:
        self.name = f"gpu{candidate.index}"
        self._candidate, self._clock, self._emit = candidate, clock, emit
        self._own_stream, self._share = own_stream, share
        self.begun_ns = clock.now_ns()
        self.calling_since_ns: int | None = self.begun_ns
        """When its first call began, None when all of them have returned; any thread may look."""
        self.opened: Future[Opened] = started(partial(self._open, candidate))

    def _open(self, candidate: Candidate) -> Opened:
        try:
            source = candidate.open()
            return Opened(source, source.provenance(), call_cost_ns(source, self._clock))
        finally:
            self.calling_since_ns = None

    @property
    def answers(self) -> bool:
        """Whether it is open."""
        return self.opened.done() and self.opened.exception() is None

    def again(self) -> None:
        """It has refused: ask once more."""
        self.calling_since_ns = self._clock.now_ns()
        self.opened = started(partial(self._open, self._candidate))

    def reader(self, rate_hz: int) -> Reader:
        """The device's reader, as soon as it answers; raises DeviceError when it refuses."""
        opened = self.opened.result()
        return Reader(
            opened.source,
            self._clock,
            self._emit,
            rate_hz=rate_hz,
            own_stream=self._own_stream,
            share=self._share,
            call_ns=opened.call_ns,
        )

    def facts(self, reader: Reader | None) -> dict[str, JsonValue]:
        """What is known of the device, and how it is read; without a reader that is next to nothing."""
        if reader is None:
            unknown = dict.fromkeys(("name", "uuid", "rate_hz", "call_microseconds"))
            return {"index": self._candidate.index, **unknown, "answers": False}
        opened = self.opened.result()
        call_us = round(opened.call_ns / 1000, 1)
        return {**opened.facts, "rate_hz": reader.pace.hz, "call_microseconds": call_us}

    def describe(self) -> Descriptor:
        """Its fast stream, before it has answered: no columns, and why."""
        index, kind = self._candidate.index, self._candidate.kind
        return Descriptor(
            stream=self.name,
            t_ns=self._clock.now_ns(),
            source=kind,
            columns={},
            device=f"gpu{index}",
            device_name=f"GPU {index}, which does not answer",
            unsupported=dict.fromkeys(FAST_LANE, UNANSWERED),
        )

    def hand_over(self) -> None:
        """Nothing has been read yet."""

    def hung_mark(self, since_ns: int, now_ns: int, *, over: bool) -> Mark:
        """As a reader's."""
        data: dict[str, JsonValue] = {"stream": self.name, "device": f"gpu{self._candidate.index}"}
        return hung_mark(data, since_ns, now_ns, over=over)
