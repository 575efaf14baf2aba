"""One device's part of a measurement: its readings in, the energy of a window out. Pure."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Literal

from engine.documents import Cell, Descriptor, Page
from engine.energy import EnergyMeter, WindowEnergy
from engine.measure.cadence import Cadence
from engine.metrics import UNANSWERED
from engine.validity import Reason, slowed_by

Edges = Literal["snapped", "given"]


@dataclass(frozen=True)
class Window:
    """What was asked for, on the run's clock."""

    start_ns: int
    end_ns: int
    edges: Edges


class GpuReadings:
    """One device of a measurement: its meter, and when it answered."""

    def __init__(self, descriptor: Descriptor) -> None:
        self.descriptor = descriptor
        self.meter = EnergyMeter(descriptor.documented_windows_ns)
        self.cadence = Cadence()
        self._slowed: list[tuple[int, int]] = []
        self._answered_ns: int | None = None

    @property
    def index(self) -> int:
        """The GPU's number, which is its stream's."""
        digits = self.descriptor.stream.removeprefix("gpu")
        return int(digits) if digits.isdigit() else 0

    def page(self, page: Page) -> None:
        """Samples of the fast lane."""
        nothing: list[Cell] = [None] * len(page.t_ns)
        columns = [
            page.data.get(name, nothing) for name in ("power_instant_watts", "power_average_watts", "energy_joules")
        ]
        for t_ns, *cells in zip(page.t_ns, *columns, strict=True):
            instant, average, joules = (float(cell) if isinstance(cell, int | float) else None for cell in cells)
            self.meter.add(t_ns, instant=instant, average=average, joules=joules)
            if any(cell is not None for cell in cells):
                self.cadence.stamp(t_ns)
                self._answered_ns = t_ns if self._answered_ns is None else self._answered_ns

    def slow(self, page: Page) -> None:
        """Why the clocks were lowered."""
        bits = page.data.get("throttle_reasons", [])
        for t_ns, why in zip(page.t_ns, bits, strict=False):
            if isinstance(why, int):
                if len(self._slowed) > 1 and self._slowed[-2][1] == self._slowed[-1][1] == why:
                    self._slowed.pop()  # the first and the last of a row that says the same are enough
                self._slowed.append((t_ns, why))

    def energy(self, window: Window) -> WindowEnergy:
        """The window's energy, with what speaks for and against it."""
        if not self.descriptor.columns:
            why = Reason.GAP if UNANSWERED in self.descriptor.unsupported.values() else Reason.NOT_SUPPORTED
            return WindowEnergy(window.start_ns, window.end_ns, None, None, None, False, (why,))
        ask = self.meter.snapped if window.edges == "snapped" else self.meter.given
        energy = ask(window.start_ns, window.end_ns)
        if self._answered_ns is None or self._answered_ns <= window.start_ns or Reason.GAP in energy.reasons:
            return energy
        # It answered late: the figures are about less than was asked for.
        return replace(energy, reasons=(*energy.reasons, Reason.GAP))

    def slowed(self, start_ns: int, end_ns: int) -> list[Reason]:
        """What slowed the GPU down within the window; of one too short to hold an answer, what those beside it say."""
        first = bisect_left(self._slowed, start_ns, key=_time)
        last = bisect_right(self._slowed, end_ns, key=_time)
        asked = self._slowed[first:last] or self._slowed[max(first - 1, 0) : last + 1]
        return list(slowed_by(reduce(or_, (bits for _, bits in asked), 0)))


def _time(told: tuple[int, int]) -> int:
    return told[0]
