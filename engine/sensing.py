"""Sensing: documents in, and out comes how well the power sensors and the sampler are doing now.

Memory is bounded; time is the run's own.
"""

import statistics
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from engine.clock import NS
from engine.documents import Descriptor, Document, Mark, MarkKind, Page, Start
from engine.sensor import KEPT_NS, Sensor
from engine.sharing import divided_boards
from engine.validity import Reason

_MOST_ROWS = 2000
"""Samples that the sampler's punctuality is judged by, at most."""


class Sensing:
    """Reads one run's documents; `report` says how its sensors and its sampler are doing."""

    def __init__(self) -> None:
        self.devices: dict[str, Sensor] = {}
        self._own: dict[str, dict[str, deque[float]]] = {}
        self._divided: frozenset[str] = frozenset()

    def add(self, document: Document) -> None:
        """Take one document; a `start` begins afresh."""
        match document:
            case Start():
                self.devices, self._own = {}, {}
                self._divided = divided_boards(document)
            case Descriptor():
                self._describe(document)
            case Page() if document.t_ns:
                self._page(document)
            case Mark():
                self._mark(document)
            case _:
                pass

    def report(self) -> dict[str, Any] | None:
        """The `sensor` of a frame: of the device with the gravest reason, else of the first; None without any."""
        return max(self.reports(), key=_gravity, default=None)

    def reports(self) -> list[dict[str, Any]]:
        """Every device's report."""
        return [{**device.report(), "sampler": self._sampler(stream)} for stream, device in self.devices.items()]

    def _sampler(self, stream: str) -> dict[str, float | None]:
        """What sampling this device costs, and how punctual it is."""
        own = self._own.get(f"sampler.{stream}") or self._own.get("sampler", {})
        late, call = (own.get(f"sampler_{name}_microseconds", ()) for name in ("lateness", "call"))
        cpu = self._own.get("sampler.process", {}).get("sampler_cpu_percent")
        return {
            "cpu_percent": round(statistics.fmean(cpu), 2) if cpu else None,
            "call_us_p50": _rounded(_quantile(call, 0.5), 1),
            "late_us_p50": _rounded(_quantile(late, 0.5), 1),
            "late_us_p99": _rounded(_quantile(late, 0.99), 1),
        }

    def _describe(self, descriptor: Descriptor) -> None:
        if descriptor.source == "sampler":
            self._own.setdefault(descriptor.stream, {})
        elif (known := self.devices.get(descriptor.stream)) and known.descriptor.columns:
            known.descriptor = descriptor
        elif descriptor.device is not None and "." not in descriptor.stream:
            self.devices[descriptor.stream] = Sensor(descriptor, divided=self._divided)

    def _mark(self, mark: Mark) -> None:
        device, rate_hz = self.devices.get(str(mark.data.get("stream"))), mark.data.get("rate_hz")
        if device is not None and isinstance(rate_hz, int) and rate_hz > 0:
            device.asked_ns = NS // rate_hz
        if device is not None and mark.kind == MarkKind.GAP:
            device.saw(Reason.GAP, mark.end_t_ns or mark.t_ns)

    def _page(self, page: Page) -> None:
        if (own := self._own.get(page.stream)) is not None:
            most = KEPT_NS // NS if page.stream == "sampler.process" else _MOST_ROWS
            for name, column in page.data.items():
                kept = own.setdefault(name, deque(maxlen=most))
                kept.extend(float(value) for value in column if isinstance(value, int | float))
        elif device := self.devices.get(page.stream.removesuffix(".slow")):
            (device.slow if page.stream.endswith(".slow") else device.page)(page)


def _gravity(report: Mapping[str, Any]) -> int:
    weights = {"note": 0, "doubt": 1, "invalid": 2}
    return max((weights[Reason(code).weight] for code in report["reasons"]), default=0)


def _quantile(values: Iterable[float], share: float) -> float | None:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
