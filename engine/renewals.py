"""What a device's readings say of its sensors, for its descriptor: how often each renews its value. Pure.

It is told once it is known, and again when it has changed. How long the instant field looks for one value no readings
tell (docs/measurement.md says why), so that is told as what it is: assumed.
"""

from engine.clock import NS
from engine.documents import Column, Descriptor
from engine.energy import EnergyMeter

FIRST_NS, AGAIN_NS = 2 * NS, 5 * NS
"""Two seconds show twenty renewals of a slow sensor; then it is looked at again and again."""

_CHANGED = 0.05
"""A period that differs by this share is another one; smaller differences are how samples fell."""

_SENSORS = {
    "power_instant_watts": "power_instant",
    "power_average_watts": "power_average",
    "energy_joules": "energy_counter",
}


class Renewals:
    """Knows what has been told of every stream."""

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._told: dict[str, dict[str, int]] = {}

    def look(self, descriptor: Descriptor, meter: EnergyMeter, t_ns: int, *, last: bool = False) -> Descriptor | None:
        """The stream's descriptor anew, if there is something new to tell at `t_ns`; `last`: there is no later."""
        if t_ns < self._due.setdefault(descriptor.stream, t_ns + FIRST_NS) and not last:
            return None
        self._due[descriptor.stream] = t_ns + AGAIN_NS
        told, periods = self._told.get(descriptor.stream, {}), meter.periods()
        found = {name: period for name, sensor in _SENSORS.items() if (period := periods[sensor]) is not None}
        if not any(_differs(period, told.get(name)) for name, period in found.items()):
            return None
        self._told[descriptor.stream] = {**told, **found}
        columns = {
            name: self._column(descriptor.stream, name, column, meter) for name, column in descriptor.columns.items()
        }
        return descriptor.model_copy(update={"t_ns": t_ns, "columns": columns})

    def _column(self, stream: str, name: str, column: Column, meter: EnergyMeter) -> Column:
        update: dict[str, object] = {"detected_period_ns": self._told[stream].get(name)}
        window, origin = meter.window(name)
        if origin == "assumed":
            update |= {"window_ns": window, "window_origin": origin}
        return column.model_copy(update=update)


def _differs(period: int, told: int | None) -> bool:
    return told is None or abs(period - told) > _CHANGED * told
