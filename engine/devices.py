"""The devices that one arm runs on, as one: their energies add up. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.energy import EnergyMeter, WindowEnergy
from engine.unknown import total


@dataclass(frozen=True)
class Devices:
    """The meters of one arm's devices; none where there is no power sensor."""

    meters: Sequence[EnergyMeter]

    def __bool__(self) -> bool:
        return bool(self.meters)

    def snapped(self, start_ns: int, end_ns: int, *, quick: bool = False) -> WindowEnergy:
        """As `EnergyMeter.snapped`: to ticks of the first device; the others are read over just that window."""
        first, *others = self.meters
        energy = first.snapped(start_ns, end_ns, quick=quick)
        if not others:
            return energy
        if quick:
            return _added([energy, *(meter.snapped(start_ns, end_ns, quick=True) for meter in others)])
        return _added([energy, *(meter.given(energy.start_ns, energy.end_ns) for meter in others)])

    def given(self, start_ns: int, end_ns: int) -> WindowEnergy:
        """As `EnergyMeter.given`."""
        return _added([meter.given(start_ns, end_ns) for meter in self.meters])

    def peak_watts(self, start_ns: int, end_ns: int) -> float | None:
        """The sum of the devices' highest readings, which they need not have had at the same time."""
        return total([meter.peak_watts(start_ns, end_ns) for meter in self.meters])

    def recent_watts(self, start_ns: int, end_ns: int) -> float | None:
        """Mean watts of a short recent span."""
        return total([meter.recent_watts(start_ns, end_ns) for meter in self.meters])


def _added(energies: Sequence[WindowEnergy]) -> WindowEnergy:
    """The sum; unknown when one of them is. Uncertainties add up too: the same load moves all of them at once."""
    first = energies[0]
    if len(energies) == 1:
        return first
    joules = total([energy.energy_joules for energy in energies])
    names = {name for energy in energies for name in energy.cross_checks}
    return WindowEnergy(
        start_ns=first.start_ns,
        end_ns=first.end_ns,
        energy_joules=joules,
        uncertainty_joules=total([energy.uncertainty_joules for energy in energies]),
        method=first.method if joules is not None else None,
        valid=all(energy.valid for energy in energies),
        reasons=tuple(dict.fromkeys(reason for energy in energies for reason in energy.reasons)),
        cross_checks={name: total([energy.cross_checks.get(name) for energy in energies]) for name in sorted(names)},
    )
