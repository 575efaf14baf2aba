"""Replay: a recording's documents again, in their order and at their pace."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.clock import Clock, MonotonicClock
from engine.documents import Document, Mark, Page, Stop
from engine.recording import Reader

SPEEDS = (1.0, 2.0, 10.0)


@dataclass
class Pace:
    """Maps the recording's time to the clock's; the speed may change on the way."""

    clock: Clock
    speed: float = 1.0
    _recorded_ns: int = 0
    _clock_ns: int = 0

    def begin(self) -> None:
        """The recording's zero is now."""
        self._recorded_ns, self._clock_ns = 0, self.clock.now_ns()

    def due_ns(self, recorded_ns: int) -> int:
        """When something recorded at `recorded_ns` is due."""
        return self._clock_ns + round((recorded_ns - self._recorded_ns) / self.speed)

    def change(self, speed: float) -> None:
        """Go on from here at `speed` times real time."""
        now = self.clock.now_ns()
        self._recorded_ns += round((now - self._clock_ns) * self.speed)
        self._clock_ns, self.speed = now, speed


class Replay:
    """Emits the documents of the recording `path`; a control may change its `pace` meanwhile."""

    def __init__(self, path: Path, emit: Callable[[Document], None], *, clock: Clock | None = None) -> None:
        self.reader = Reader(path)
        self.pace = Pace(clock or MonotonicClock())
        self._emit = emit
        self._changed = asyncio.Event()

    def set_speed(self, speed: float) -> None:
        """1, 2 or 10 times real time; other values are refused with ValueError."""
        if speed not in SPEEDS:
            raise ValueError(f"speed {speed:g} is not one of {', '.join(f'{s:g}' for s in SPEEDS)}")
        self.pace.change(speed)
        self._changed.set()

    async def run(self) -> None:
        """Emit everything; a recording that was cut off ends with a stop document that says so."""
        self.pace.begin()
        recorded_ns = 0
        for document in self.reader:
            recorded_ns = max(recorded_ns, happened_ns(document))
            await self._wait(recorded_ns)
            self._emit(document)
        if self.reader.stop is None:
            reason = self.reader.cut_off or "the recording was cut off"
            self._emit(Stop(t_ns=recorded_ns, exit_status="fail", reason=reason))

    async def _wait(self, recorded_ns: int) -> None:
        while (due := self.pace.due_ns(recorded_ns)) > (now := self.pace.clock.now_ns()):
            self._changed.clear()
            # Short naps, so that a change of speed is heard at once.
            waiting = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait({waiting}, timeout=min((due - now) / 1e9, 0.05))
            waiting.cancel()


def happened_ns(document: Document) -> int:
    """When a document came to be, on the run's clock: 0 for the start."""
    match document:
        case Page():
            return document.t_ns[-1] if document.t_ns else 0
        case Mark():
            return document.end_t_ns or document.t_ns
        case Stop():
            return document.t_ns
        case _:
            return getattr(document, "t_ns", 0)
