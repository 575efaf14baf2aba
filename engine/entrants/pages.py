"""The pages of a command's progress: however many lines it prints, at most a hundred rows a second."""

import asyncio
from collections.abc import Callable

from engine.clock import NS
from engine.documents import Cell, Column, Descriptor, Page
from engine.metrics import METRICS

ROW_NS = NS // 100
FLUSH_SECONDS = 0.05

Emit = Callable[[Page], None]


class ProgressPages:
    """Collects rows of the stream `progress.<label>`; rows closer than ROW_NS become one, but for a turn's first."""

    def __init__(self, label: str, emit: Emit) -> None:
        self.label, self.stream = label, f"progress.{label}"
        self._emit = emit
        self._timer: asyncio.TimerHandle | None = None
        self._t_ns: list[int] = []
        self._units: list[Cell] = []
        self._text: list[Cell] = []
        self._done = 0.0
        self._row_began_ns = 0
        self.silent = True

    def begin(self) -> None:
        """A turn begins; it is `silent` until its first row."""
        self.flush()
        self.silent = True

    def descriptor(self, t_ns: int, unit: str) -> Descriptor:
        """What the stream holds: units done since the row before, and the line that said so."""
        columns = {
            "units": Column(unit=unit, kind=METRICS["units"].kind),
            "text": Column(unit=METRICS["text"].unit, kind=METRICS["text"].kind),
        }
        return Descriptor(stream=self.stream, t_ns=t_ns, source="command", arm=self.label, columns=columns)

    def add(self, t_ns: int, units: float, text: str) -> None:
        """Some units were done by `t_ns`, as `text` says."""
        if self._t_ns and t_ns - self._row_began_ns < ROW_NS:
            self._done += units
            self._t_ns[-1], self._units[-1], self._text[-1] = t_ns, self._done, text
        else:
            self._row_began_ns, self._done = t_ns, units
            self._t_ns.append(t_ns)
            self._units.append(units)
            self._text.append(text)
        if self.silent:  # it opens the steady state, so it must not grow
            self.silent = False
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Emit what there is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._t_ns:
            page = Page(stream=self.stream, t_ns=self._t_ns, data={"units": self._units, "text": self._text})
            self._t_ns, self._units, self._text = [], [], []
            self._emit(page)
