"""The counters of a Perfetto trace: what was sensed, and how fast the arms worked."""

from collections.abc import Iterable

from engine.documents import Cell
from engine.export.trace import Trace
from engine.recording import Recording, Table

_BIN_NS = 100_000_000
"""Work is added up over so long to tell how much of it was done in a second."""


class Counters:
    """Gauges of every device and server, and tokens per second of every arm."""

    def __init__(self, recording: Recording, trace: Trace, run: int) -> None:
        self._recording, self._trace, self._run = recording, trace, run
        self._groups: dict[str, int] = {}
        self._gauges: dict[tuple[str, str], _Gauge] = {}
        self._rates: dict[str, _Rate] = {}

    def write(self) -> None:
        """All of them."""
        for stream, table in self._recording.batches():
            kind, _, label = stream.partition(".")
            work = {"text": "tokens", "progress": "units"}.get(kind)
            if work is not None:
                self._work(label, work, table)
            else:
                self._readings(stream, table)
        for gauge in self._gauges.values():
            gauge.end()
        for rate in self._rates.values():
            rate.end()

    def _readings(self, stream: str, table: Table) -> None:
        descriptor = self._recording.descriptors.get(stream)
        told = descriptor.columns if descriptor else {}
        times = table.columns["t_ns"].cells()
        for name in (name for name in table if name in told and told[name].kind == "gauge"):
            key = (stream, name)
            if key not in self._gauges:
                self._gauges[key] = _Gauge(self._trace, self._group(stream), name, told[name].unit)
            self._gauges[key].add(times, table.columns[name].cells())

    def _work(self, label: str, work: str, table: Table) -> None:
        if label not in self._rates:
            track = self._trace.track(f"arm {label}: {work}/s (over 0.1 s)", self._run, unit=f"{work}/s")
            self._rates[label] = _Rate(self._trace, track)
        if work in table.columns:
            self._rates[label].add(table.columns["t_ns"].cells(), table.columns[work].cells())

    def _group(self, stream: str) -> int:
        """The track that a device's, or a server's, counters are below."""
        name = stream.removesuffix(".slow").removesuffix(".processes")
        if name not in self._groups:
            descriptor = self._recording.descriptors.get(stream)
            known = descriptor.device_name or descriptor.device if descriptor else None
            self._groups[name] = self._trace.track(f"{name} ({known})" if known else name, self._run)
        return self._groups[name]


class _Gauge:
    """One counter track. A missing reading begins a slice that the next one ends."""

    def __init__(self, trace: Trace, group: int, name: str, unit: str) -> None:
        self._trace, self._group, self._name = trace, group, name
        self._track = trace.track(name, group, unit=unit)
        self._last: Cell = None
        self._missing_since: int | None = None
        self._missing_track: int | None = None
        self._newest_ns = 0

    def add(self, times: Iterable[Cell], values: Iterable[Cell]) -> None:
        """Take readings."""
        for t_ns, value in zip(times, values, strict=True):
            if not isinstance(t_ns, int):
                continue
            self._newest_ns = t_ns
            if not isinstance(value, int | float):
                self._missing_since = t_ns if self._missing_since is None else self._missing_since
                continue
            if self._missing_since is not None:
                self._say_missing(t_ns)
            elif value == self._last:
                continue
            self._trace.value(self._track, t_ns, value)
            self._last = value

    def end(self) -> None:
        """There are no more."""
        if self._missing_since is not None:
            self._say_missing(self._newest_ns)
        elif self._last is not None and isinstance(self._last, int | float):
            self._trace.value(self._track, self._newest_ns, self._last)

    def _say_missing(self, until_ns: int) -> None:
        if self._missing_track is None:
            self._missing_track = self._trace.track(f"{self._name}: missing", self._group)
        assert self._missing_since is not None
        self._trace.slice(self._missing_track, "no reading", self._missing_since, until_ns)
        self._missing_since = None


class _Rate:
    """Work per second, over bins of a tenth of a second."""

    def __init__(self, trace: Trace, track: int) -> None:
        self._trace, self._track = trace, track
        self._bin, self._amount = 0, 0.0
        self._is_zero = False

    def add(self, times: Iterable[Cell], amounts: Iterable[Cell]) -> None:
        """Take work with its times."""
        for t_ns, amount in zip(times, amounts, strict=True):
            if not isinstance(t_ns, int) or not isinstance(amount, int | float):
                continue
            if (number := t_ns // _BIN_NS) > self._bin:
                self._tell()
                if number > self._bin + 1:
                    self._zero(self._bin + 1)
                self._bin, self._amount = number, 0.0
            self._amount += amount

    def end(self) -> None:
        """There is no more."""
        self._tell()
        self._zero(self._bin + 1)

    def _tell(self) -> None:
        if self._amount:
            self._trace.value(self._track, self._bin * _BIN_NS, self._amount * 1_000_000_000 / _BIN_NS)
            self._is_zero = False

    def _zero(self, number: int) -> None:
        if not self._is_zero:
            self._trace.value(self._track, number * _BIN_NS, 0.0)
            self._is_zero = True
