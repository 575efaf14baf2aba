"""The condition that a device was in over a window: how warm, how fast, and whether it was held back. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from engine.documents import Cell
from engine.validity import Reason, slowed_by

_COLUMNS = ("temperature_celsius", "clock_sm_megahertz", "throttle_reasons")


@dataclass(frozen=True, slots=True)
class Condition:
    """Means and maxima over one window; unknown is None."""

    temperature_celsius_mean: float | None = None
    temperature_celsius_max: float | None = None
    clock_sm_megahertz_mean: float | None = None
    reasons: tuple[Reason, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The figures, as JSON has them."""
        fields = asdict(self)
        fields.pop("reasons")
        return fields


class ConditionTrack:
    """The slow readings of one device, kept as long as a round may still ask for them."""

    def __init__(self) -> None:
        self.newest: dict[str, Cell] = {}
        self.newest_t_ns: int | None = None
        self._rows: list[tuple[int, Mapping[str, float | int | None]]] = []

    def add(self, t_ns: Sequence[int], data: Mapping[str, Sequence[Cell]]) -> None:
        """Take one page."""
        for at, t in enumerate(t_ns):
            row = {name: data[name][at] for name in _COLUMNS if name in data}
            self._rows.append((t, {name: value for name, value in row.items() if not isinstance(value, str)}))
        self.newest.update({name: column[-1] for name, column in data.items() if column})
        self.newest_t_ns = t_ns[-1] if t_ns else self.newest_t_ns

    def forget_before(self, t_ns: int) -> None:
        """Drop what was read before `t_ns`."""
        self._rows = [row for row in self._rows if row[0] >= t_ns]

    def over(self, start_ns: int, end_ns: int) -> Condition:
        """The condition from `start_ns` to `end_ns`; one reading that shows a slowdown is enough to say so."""
        rows = [row for t, row in self._rows if start_ns <= t <= end_ns]
        celsius, clocks, bits = ([row[name] for row in rows if row.get(name) is not None] for name in _COLUMNS)
        held_back = 0
        for value in bits:
            held_back |= int(value or 0)
        return Condition(
            temperature_celsius_mean=_mean(celsius),
            temperature_celsius_max=max((float(value or 0) for value in celsius), default=None),
            clock_sm_megahertz_mean=_mean(clocks),
            reasons=slowed_by(held_back),
        )


def _mean(values: Sequence[float | int | None]) -> float | None:
    return fmean(float(value or 0) for value in values) if values else None
