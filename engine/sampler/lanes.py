"""A device's lanes: what was read and has not been handed over as pages yet.

Between two pages a sample is one tuple in a list; columns are made of them page by page, when it costs least. A list
is only ever appended to by one thread and shortened from its front by another, so nobody need lock it.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from engine.clock import NS, Clock
from engine.documents import Cell, Column, Descriptor, Page
from engine.metrics import EXTRA_LANE, FAST_LANE, METRICS, PROCESS_LANE, SLOW_LANE
from engine.sources import Reading, Source

Row = TypeVar("Row")

LONG_CALL_NS = NS
"""Nobody can say when within a longer call its answer was true, so it is no reading."""

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
        rows = taken(self._rows)
        return self.page([row[0] for row in rows], [row[1] for row in rows]) if rows else None

    def page(self, t_ns: list[int], rows: Sequence[Sequence[Cell]]) -> Page:
        """A page of `rows`, each with its values in the order of the columns."""
        data = {name: list(cells) for name, cells in zip(self.columns, zip(*rows, strict=True), strict=True)}
        # Not validated, which would cost as much as everything else about a page: the rows are ours.
        return Page.model_construct(stream=self.stream, t_ns=t_ns, data=data)

    def describe(self, *, source: str, t_ns: int, period_ns: int) -> Descriptor:
        """The stream's descriptor as far as the table knows it."""
        columns = {name: Column(unit=METRICS[name].unit, kind=METRICS[name].kind) for name in self.columns}
        return Descriptor(stream=self.stream, t_ns=t_ns, source=source, columns=columns, nominal_period_ns=period_ns)


class Lanes:
    """One device: `gpuN` with every sample, `gpuN.slow` with a row for each round of slow calls, and our own stream.

    A sample's `t_ns` is the middle of the driver call; a slow row's is the time after the row's last call. The
    stream `gpuN.processes` is only described here.
    """

    def __init__(self, source: Source, clock: Clock, own_stream: str) -> None:
        self.source, self._now = source, clock.now_ns
        stream = f"gpu{source.index}"
        self.fast = Table(stream, source.fast_columns)
        self.slow = Table(f"{stream}.slow", [name for call in source.slow_calls for name in call.columns])
        self.processes = Table(f"{stream}.processes", source.process_call.columns if source.process_call else ())
        self.own = Table(own_stream, OWN_COLUMNS)
        # When each sample was due, begun and answered, and what the answer was.
        self._samples: list[tuple[int, int, int, Sequence[Reading]]] = []
        self._read = source.read_fast if source.fast_columns else tuple
        self._row: list[Cell] = []

    def read_fast(self, due_ns: int, begun_ns: int) -> int:
        """Take the sample that was due then, beginning now; returns when it was answered."""
        values = self._read()
        answered_ns = self._now()
        if answered_ns - begun_ns > LONG_CALL_NS:
            values = (None,) * len(values)
        self._samples.append((due_ns, begun_ns, answered_ns, values))
        return answered_ns

    def read_slow(self, turn: int) -> None:
        """Make one of the slow calls; the last one completes a row."""
        self._row.extend(self.source.slow_calls[turn].read())
        if len(self._row) == len(self.slow.columns):
            self.slow.add(self._now(), self._row)
            self._row = []

    def take(self, *, whole: bool = True) -> tuple[list[Page], list[int]]:
        """Pages of all that was read since the last time, and how long each sample's call took.

        Without `whole` our own stream waits: nobody watches it live, and a page costs as much as several samples.
        """
        samples = taken(self._samples)
        pages = []
        if samples and self.fast.columns:
            # The device answers somewhere within the call: its middle is off by half the call at most.
            middles = [(b + a) // 2 if a - b <= LONG_CALL_NS else a for _, b, a, _ in samples]
            pages.append(self.fast.page(middles, [values for _, _, _, values in samples]))
        for due, begun, answered, _ in samples:
            self.own.add(begun, ((begun - due) / 1000, (answered - begun) / 1000))
        for table in (self.slow, self.own) if whole else (self.slow,):
            page = table.take()
            if page is not None:
                pages.append(page)
        return pages, [answered - begun for _, begun, answered, _ in samples]

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
