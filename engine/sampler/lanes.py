"""A device's lanes: what was read and has not been handed over as pages yet.

Between two pages a sample is one tuple in a list, its answer as the device gave it; readings and columns are made of
them page by page, when it costs least. A list is only ever appended to by one thread and shortened from its front by
another, so nobody need lock it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from engine.clock import NS, Clock
from engine.documents import Cell, Column, Descriptor, Page, sure_page
from engine.metrics import EXTRA_LANE, FAST_LANE, METRICS, PROCESS_LANE, SLOW_LANE
from engine.sources import Answer, Source

Row = TypeVar("Row")
Sample = tuple[int, int, int, Answer]
"""When it was due, begun and answered, and what the answer was."""

See = Callable[[str | None, int], None]
"""Told of every sample why it failed, or that it did not (None), and when it was begun."""

LONG_CALL_NS = NS
"""A longer call is a hang: it is told, and its row stands at the call's end."""

SURE_CALL_NS = 1_000_000
_TIMES_USUAL = 3
"""Nobody can say when within a call of more than SURE_CALL_NS its answer was true, so it is no reading: but for drivers
whose calls all take long. Those are read so seldom that a few times their usual call is little beside the distance."""

OWN_COLUMNS = ("sampler_lateness_microseconds", "sampler_call_microseconds")
PROCESS_NS = NS
"""How often the processes are listed."""


class Table:
    """Rows of one stream; one thread may add while another takes."""

    def __init__(self, stream: str, columns: Sequence[str]) -> None:
        self.stream, self.columns = stream, tuple(columns)
        self._rows: list[tuple[int, Sequence[Cell]]] = []

    def add(self, t_ns: int, values: Sequence[Cell]) -> None:
        """Append one row, its values in the order of the columns."""
        self._rows.append((t_ns, values))

    def take(self) -> Page | None:
        """The rows since the last time as a page, or None if there are none."""
        rows = taken(self._rows) if self._rows else []
        return self.page([t_ns for t_ns, _ in rows], zip(*[row for _, row in rows], strict=True)) if rows else None

    def page(self, t_ns: list[int], cells: Iterable[Iterable[Cell]]) -> Page:
        """A page of the cells of each column."""
        return sure_page(self.stream, t_ns, dict(zip(self.columns, map(list, cells), strict=True)))

    def describe(self, *, source: str, t_ns: int, period_ns: int) -> Descriptor:
        """The stream's descriptor as far as the table knows it."""
        columns = {name: Column(unit=METRICS[name].unit, kind=METRICS[name].kind) for name in self.columns}
        return Descriptor(stream=self.stream, t_ns=t_ns, source=source, columns=columns, nominal_period_ns=period_ns)


class Lanes:
    """One device: `gpuN` with every sample, `gpuN.slow` with a row for each round of slow calls, and our own stream.

    A sample's `t_ns` is the middle of the driver call, and its values are unknown where that took too long; a slow
    row's is the time after the row's last call. The stream `gpuN.processes` is only described here.
    """

    def __init__(self, source: Source, clock: Clock, own_stream: str) -> None:
        self.source, self._now = source, clock.now_ns
        stream = f"gpu{source.index}"
        self.fast = Table(stream, source.fast_columns)
        self.slow = Table(f"{stream}.slow", [name for call in source.slow_calls for name in call.columns])
        self.processes = Table(f"{stream}.processes", source.process_call.columns if source.process_call else ())
        self.own = Table(own_stream, OWN_COLUMNS)
        self.samples: list[Sample] = []
        """Taken since the last time."""
        self.read_fast: Callable[[], Answer] = source.read_fast if source.fast_columns else tuple
        self._told: list[Sample] = []
        self._usual_ns = 0
        self._row: list[Cell] = []

    def read_slow(self, turn: int) -> None:
        """Make one of the slow calls; the last one completes a row."""
        self._row.extend(self.source.slow_calls[turn].read())
        if len(self._row) == len(self.slow.columns):
            self.slow.add(self._now(), self._row)
            self._row = []

    def take(self, see: See) -> list[Page]:
        """Pages of all that was read since the last time, but for our own stream."""
        samples = taken(self.samples)
        self._told += samples
        pages = [self._fast_page(samples, see)] if samples and self.fast.columns else []
        slow = self.slow.take()
        return pages if slow is None else [*pages, slow]

    def _fast_page(self, samples: Sequence[Sample], see: See) -> Page:
        stamps: list[int] = []
        rows: list[Sequence[Cell]] = []
        sure_ns = self._sure_ns(samples)
        for _, begun, answered, answer in samples:
            row, call_ns = self.source.readings(answer), answered - begun
            see(self.source.failure, begun)
            # The device answers somewhere within the call: its middle is off by half the call at most.
            stamps.append(answered if call_ns > LONG_CALL_NS else (begun + answered) // 2)
            rows.append(row if call_ns <= sure_ns else (None,) * len(row))
        return self.fast.page(stamps, zip(*rows, strict=True))

    def _sure_ns(self, samples: Sequence[Sample]) -> int:
        """How long a call may have taken whose answer is a reading."""
        quickest = min(answered - begun for _, begun, answered, _ in samples)
        # A page may hold nothing but a hang: what is usual grows by steps, and a few hangs do not become it.
        self._usual_ns = min(quickest, max(2 * self._usual_ns, SURE_CALL_NS))
        return min(max(SURE_CALL_NS, _TIMES_USUAL * self._usual_ns), LONG_CALL_NS)

    def take_own(self) -> tuple[Page | None, list[int]]:
        """A page of our own stream about all samples that were taken since the last time; and how long calls took.

        Asked more seldom: nobody watches it live, and a page costs as much as several samples.
        """
        told, self._told = self._told, []
        if not told:
            return None, []
        calls_ns = [answered - begun for _, begun, answered, _ in told]
        late = [(begun - due) / 1000 for due, begun, _, _ in told]
        return self.own.page([begun for _, begun, _, _ in told], (late, [call / 1000 for call in calls_ns])), calls_ns

    def describe(self, *, t_ns: int, period_ns: int, slow_period_ns: int) -> Iterator[Descriptor]:
        """The descriptors of all streams; a device without any reading of a kind has no stream for it."""
        yield self._describe(self.fast, FAST_LANE + EXTRA_LANE, t_ns=t_ns, period_ns=period_ns)
        slow = self._describe(self.slow, SLOW_LANE, t_ns=t_ns, period_ns=slow_period_ns)
        processes = self._describe(self.processes, PROCESS_LANE, t_ns=t_ns, period_ns=PROCESS_NS)
        yield from (each for each in (slow, processes) if each.columns or each.unsupported)
        yield self.own.describe(source="sampler", t_ns=t_ns, period_ns=period_ns)

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


def taken(rows: list[Row]) -> list[Row]:
    """Empty `rows`, but for those that are appended meanwhile."""
    taken = rows[:]
    del rows[: len(taken)]
    return taken
