"""What a measurement came to: documents in, the object that `wattrace measure --json` prints out. Pure.

The window is told by two `note` marks, so a recording of a measurement gives the same figures to the last bit. Where
wattrace chose the window, each GPU's edges are snapped to the ticks of its own counter; where a command gave it, they
are interpolated. docs/measurement.md describes the object.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.books import Flag, percentiles
from engine.clock import NS
from engine.documents import Descriptor, Document, Mark, MarkKind, Page, Start
from engine.energy import WindowEnergy
from engine.errors import RecordingError
from engine.ledger.flags import flag_of
from engine.measure.cadence import Cadence
from engine.measure.readings import Edges, GpuReadings, Window
from engine.recording import Reader
from engine.sensor import window_of
from engine.sharing import divided_boards, shared_sensor
from engine.validity import Reason, is_valid


class Measurement:
    """Reads the documents of one measurement."""

    def __init__(self) -> None:
        self.start: Start | None = None
        self.gpus: dict[str, GpuReadings] = {}
        self.warnings: list[str] = []
        self._divided: frozenset[str] = frozenset()
        self._flags: list[Flag] = []
        self._own: dict[str, Cadence] = {}
        """The readers' own streams: `sampler` is the first device's, `sampler.gpu1` is that of `gpu1`."""
        self._cpu: list[tuple[int, float]] = []
        self._edges: Edges = "given"
        self._begun_ns: int | None = None
        self._ended_ns: int | None = None

    def add(self, document: Document) -> None:
        """Enter one document."""
        match document:
            case Start():
                self.start, self._divided = document, divided_boards(document)
            case Descriptor():
                self._describe(document)
            case Page():
                self._page(document)
            case Mark():
                self._mark(document)
            case _:
                pass

    @property
    def window(self) -> Window | None:
        """What was asked for; None while it lasts, and when it never began."""
        if self._begun_ns is None or self._ended_ns is None:
            return None
        return Window(self._begun_ns, self._ended_ns, self._edges)

    def result(self) -> dict[str, Any] | None:
        """The object of `wattrace measure --json`; None without a window."""
        if self.window is None or self.start is None:
            return None
        origin = self.start.provenance.get("clock_origin_ns")
        zero = origin if isinstance(origin, int) else 0
        entries = [self._entry(gpu, self.window, zero) for gpu in self.gpus.values()]
        start_ns, end_ns = self.window.start_ns + zero, self.window.end_ns + zero
        asked = {"start_ns": start_ns, "end_ns": end_ns}
        if self.window.edges == "snapped" and entries:
            start_ns = min(entry["start_ns"] for entry in entries)
            end_ns = max(entry["end_ns"] for entry in entries)
        return {
            "start_ns": start_ns,
            "end_ns": end_ns,
            "asked": asked,
            "simulated": self._simulated,
            "gpus": entries,
            "sampler_cpu_percent": self._cpu_percent(),
            "warnings": list(dict.fromkeys(self.warnings)),
        }

    # -- documents in

    def _describe(self, descriptor: Descriptor) -> None:
        if _is_own(descriptor.stream) and descriptor.stream not in self._own:
            self._own[descriptor.stream] = Cadence()
            self._own[descriptor.stream].planned(0, descriptor.nominal_period_ns or NS)
        elif descriptor.device is not None and "." not in descriptor.stream:
            known = self.gpus.get(descriptor.stream)
            # One that had not answered at the start, when nothing was known of it, is described again.
            if known is None or not known.descriptor.columns:
                self.gpus[descriptor.stream] = GpuReadings(descriptor)

    def _page(self, page: Page) -> None:
        stream, _, lane = page.stream.partition(".")
        if page.stream in self._own:
            self._own[page.stream].late(page.t_ns, page.data.get("sampler_lateness_microseconds", []))
        elif page.stream == "sampler.process":
            cells = page.data.get("sampler_cpu_percent", [])
            self._cpu += [(t, c) for t, c in zip(page.t_ns, cells, strict=False) if isinstance(c, int | float)]
        elif stream in self.gpus and lane in ("", "slow"):
            self.gpus[stream].slow(page) if lane else self.gpus[stream].page(page)

    def _mark(self, mark: Mark) -> None:
        rate_hz, stream = mark.data.get("rate_hz"), mark.data.get("stream")
        if isinstance(rate_hz, int) and rate_hz and isinstance(stream, str):
            self._reader_of(stream).planned(mark.t_ns, NS // rate_hz)
        if flag := flag_of(mark):
            # One with an end closes the open one that it goes on from.
            self._flags = [old for old in self._flags if old.end_ns is not None or not old.is_like(flag)]
            self._flags.append(flag)
        if mark.kind == MarkKind.WARNING and mark.text and mark.data.get("open") is not True:
            self.warnings.append(mark.text)
        elif mark.data.get("window") == "begin":
            self._begun_ns, self._edges = mark.t_ns, "snapped" if mark.data.get("edges") == "snapped" else "given"
        elif mark.data.get("window") == "end":
            self._ended_ns = mark.t_ns

    def _reader_of(self, stream: str) -> Cadence:
        return self._own.get(f"sampler.{stream}") or self._own.get("sampler") or Cadence()

    # -- figures out

    @property
    def _simulated(self) -> bool:
        return self.start is not None and any(self.start.simulated.values())

    def _entry(self, gpu: GpuReadings, window: Window, zero: int) -> dict[str, Any]:
        """One GPU's part of the object; `zero` is the run's t = 0 on CLOCK_MONOTONIC."""
        energy = gpu.energy(window)
        start_ns, end_ns = energy.start_ns, energy.end_ns
        reasons = self._reasons(gpu, energy, window)
        periods = gpu.meter.periods()
        checks = ("counter_joules", "instant_joules", "average_joules")
        return {
            "index": gpu.index,
            "uuid": gpu.descriptor.device,
            "name": gpu.descriptor.device_name,
            "start_ns": start_ns + zero,
            "end_ns": end_ns + zero,
            "energy_joules": energy.energy_joules,
            "uncertainty_joules": energy.uncertainty_joules,
            "mean_watts": energy.mean_watts,
            "method": energy.method,
            "valid": energy.valid and is_valid(reasons),
            "reasons": [reason.value for reason in reasons],
            "cross_checks": {name: energy.cross_checks.get(name) for name in checks},
            "samples": gpu.cadence.samples(start_ns, end_ns),
            "achieved_hz": gpu.cadence.hertz(start_ns, end_ns),
            "interval_error_ms": _p50_p99(self._reader_of(gpu.descriptor.stream).interval_errors_ms(start_ns, end_ns)),
            "instant_window": window_of(gpu.meter),
            "detected_period_ms": {
                name: None if periods.get(name) is None else (periods[name] or 0) / 1e6
                for name in ("power_instant", "energy_counter")
            },
        }

    def _reasons(self, gpu: GpuReadings, energy: WindowEnergy, window: Window) -> list[Reason]:
        stream = gpu.descriptor.stream
        flags = [flag for flag in self._flags if flag.device in (None, stream)]
        found: list[Reason] = [*energy.reasons, *gpu.slowed(energy.start_ns, energy.end_ns)]
        found += [flag.reason for flag in flags if flag.touches(window.start_ns, window.end_ns)]
        found += shared_sensor(gpu.descriptor, self._divided)
        if self._simulated:
            found.append(Reason.SIMULATED)
        return list(dict.fromkeys(found))

    def _cpu_percent(self) -> float | None:
        """The sampler's CPU over the measurement: its rows, each weighted by the second or less that it is about."""
        before, weighed, total = 0, 0.0, 0
        for t_ns, percent in self._cpu:
            span_ns = min(t_ns - before, NS)
            weighed, total, before = weighed + percent * span_ns, total + span_ns, t_ns
        return weighed / total if total else None


def _is_own(stream: str) -> bool:
    return stream == "sampler" or stream.startswith("sampler.gpu")


def _p50_p99(values: list[float]) -> dict[str, float | None]:
    found = percentiles(values)
    return {"p50": found.p50, "p99": found.p99} if found else {"p50": None, "p99": None}


def read_measurement(path: Path) -> Measurement:
    """The measurement that was recorded in `path`."""
    measurement = Measurement()
    told: Iterable[Document] = Reader(path)
    for document in told:
        measurement.add(document)
    if measurement.start is None:
        raise RecordingError(path, "holds no documents")
    return measurement
