"""What a demo needs its operator to set up. wattrace changes no device setting: it checks, and tells. Pure.

A need that is written as `power limit of GPU 1: 60 %` (of that board's default) or `power limit of GPU 1: 300 W` is
checked; any other is repeated in its own words.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.doctor.boards import Device, find
from engine.doctor.findings import Finding

_LIMIT = re.compile(r"power limit of GPU (?P<gpu>\S+?)\s*:\s*(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>%|W)", re.IGNORECASE)
_TOLERANCE_WATTS = 1.0


@dataclass(frozen=True)
class PowerLimit:
    """A limit that a demo wants: of a GPU by index or UUID, in percent of its default, or in watts."""

    gpu: str
    value: float
    unit: str

    def watts(self, device: Device) -> float | None:
        """In watts for this board; None when its default is not known."""
        if self.unit != "%":
            return self.value
        default = device.get("power_limit_default_watts")
        return None if default is None else default * self.value / 100


def power_limit(need: str) -> PowerLimit | None:
    """The limit that `need` asks for; None when it asks for something else."""
    found = _LIMIT.fullmatch(need.strip())
    return PowerLimit(found["gpu"], float(found["value"]), found["unit"].upper()) if found else None


def limited(needs: Iterable[str], device: Device) -> bool:
    """Whether one of `needs` is about this board's power limit."""
    limits = (power_limit(need) for need in needs)
    return any(limit is not None and find(limit.gpu, [device]) is not None for limit in limits)


def check(needs: Iterable[str], devices: Sequence[Device]) -> Iterable[Finding]:
    """Each need, met or not."""
    for need in needs:
        limit = power_limit(need)
        if limit is None:
            text = f"the demo needs, and wattrace cannot see: {need}"
            yield Finding("needs", "warning", text, "see to it before the race")
        elif (device := find(limit.gpu, devices)) is not None:  # a GPU that is missing has a finding of its own
            yield _limit(limit, device)


def _limit(wanted: PowerLimit, device: Device) -> Finding:
    name, watts, present = f"GPU {device.get('index')}", wanted.watts(device), device.get("power_limit_watts")
    least, most = device.get("power_limit_range_watts") or (None, None)
    asked = f"{wanted.value:g} {wanted.unit}"
    if watts is None or present is None:
        text = f"{name}: the demo needs a power limit of {asked}, and the driver does not tell the present one"
        return Finding("needs", "warning", text, f"see nvidia-smi -i {device.get('index')} -q -d POWER")
    if abs(present - watts) <= _TOLERANCE_WATTS:
        return Finding("needs", "ok", f"{name}: its power limit is {present:.0f} W, as the demo needs ({asked})")
    text = f"{name}: the demo needs a power limit of {watts:.0f} W ({asked}); it is {present:.0f} W"
    if (least is not None and watts < least) or (most is not None and watts > most):
        remedy = f"the board takes {least:.0f} to {most:.0f} W: ask for what it takes, in a copy of the demo"
        return Finding("needs", "problem", text, remedy)
    return Finding("needs", "problem", text, f"sudo nvidia-smi -i {device.get('index')} -pl {watts:.0f}")
