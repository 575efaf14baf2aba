"""A device's two lanes: the rows that were read and have not been handed over as pages yet."""

import threading
from collections.abc import Sequence

from engine.clock import NS, Clock
from engine.documents import Cell, Column, Descriptor, Page
from engine.metrics import EXTRA_LANE, FAST_LANE, METRICS, SLOW_LANE
from engine.sources import SlowCall, Source

LONG_CALL_NS = NS
"""Nobody can say when within a longer call its answer was true, so it is no reading."""


class Table:
    """Rows of one stream, kept as columns; one thread may add while another takes."""

    def __init__(self, stream: str, columns: Sequence[str]) -> None:
        self.stream, self.columns = stream, tuple(columns)
        self._lock = threading.Lock()
        self._start()

    def add(self, t_ns: int, values: Sequence[Cell]) -> None:
        """Append one row, its values in the order of the columns."""
        with self._lock:
            self._t_ns.append(t_ns)
            for column, value in zip(self._cells, values, strict=True):
                column.append(value)

    def take(self) -> Page | None:
        """The rows since the last time as a page, or None if there are none."""
        with self._lock:
            t_ns, cells = self._t_ns, self._cells
            if not t_ns:
                return None
            self._start()
        data = dict(zip(self.columns, cells, strict=True))
        # Not validated, which would cost as much as everything else about a page: the rows are ours.
        return Page.model_construct(stream=self.stream, t_ns=t_ns, data=data)

    def describe(self, *, source: str, t_ns: int, period_ns: int) -> Descriptor:
        """The stream's descriptor as far as the table knows it."""
        columns = {name: Column(unit=METRICS[name].unit, kind=METRICS[name].kind) for name in self.columns}
        return Descriptor(stream=self.stream, t_ns=t_ns, source=source, columns=columns, nominal_period_ns=period_ns)

    def _start(self) -> None:
        self._t_ns: list[int] = []
        self._cells: list[list[Cell]] = [[] for _ in self.columns]


class Lanes:
    """One device, two streams: `gpuN` with every sample, `gpuN.slow` with a row for each round of slow calls.

    A sample's `t_ns` is the middle of the driver call; a slow row's is the time after the row's last call.
    """

    def __init__(self, source: Source, clock: Clock) -> None:
        self.source, self._clock = source, clock
        stream = f"gpu{source.index}"
        self.fast = Table(stream, source.fast_columns)
        self.slow = Table(f"{stream}.slow", [name for call in source.slow_calls for name in call.columns])
        self._row: list[Cell] = []

    def read_fast(self) -> int:
        """Take one sample; returns how many nanoseconds the driver call took."""
        if not self.fast.columns:
            return 0
        before = self._clock.now_ns()
        values = self.source.read_fast()
        after = self._clock.now_ns()
        if after - before > LONG_CALL_NS:
            self.fast.add(after, (None,) * len(values))
            return after - before
        # The device answers somewhere within the call: its middle is off by half the call at most.
        self.fast.add((before + after) // 2, values)
        return after - before

    def read_slow(self, call: SlowCall) -> None:
        """Make the next of the slow calls; the last one completes a row."""
        self._row.extend(call.read())
        if len(self._row) == len(self.slow.columns):
            self.slow.add(self._clock.now_ns(), self._row)
            self._row = []

    def describe(self, *, t_ns: int, period_ns: int, slow_period_ns: int) -> list[Descriptor]:
        """The descriptors of both streams (of one, where the device has no slow lane at all)."""
        fast = self._describe(self.fast, FAST_LANE + EXTRA_LANE, t_ns=t_ns, period_ns=period_ns)
        slow = self._describe(self.slow, SLOW_LANE, t_ns=t_ns, period_ns=slow_period_ns)
        return [fast, slow] if slow.columns or slow.unsupported else [fast]

    def _describe(self, table: Table, lane: Sequence[str], *, t_ns: int, period_ns: int) -> Descriptor:
        source = self.source
        bare = table.describe(source=source.kind, t_ns=t_ns, period_ns=period_ns)
        columns = {
            name: column.model_copy(update={"window_ns": source.windows_ns.get(name)})
            for name, column in bare.columns.items()
        }
        unsupported = {name: why for name, why in source.unsupported.items() if name in lane}
        facts = {"device": source.device_id, "device_name": source.device_name}
        return bare.model_copy(update={**facts, "columns": columns, "unsupported": unsupported})
