"""What somebody sets on a device while it races: its power limit and its clocks. Pure: pages in, marks out.

Whatever wattrace finds set when the race begins is the race's own condition, and the doctor speaks of it. But a limit
that changes in the middle makes rounds unlike each other, and clocks that a setting holds are not what the load would
give.
"""

from dataclasses import dataclass, field

from pydantic import JsonValue

from engine.documents import Cell, Mark, MarkKind, Page
from engine.validity import Reason

STREAM_SUFFIX = ".slow"

_CLOCK_SETTING = 0x2
"""nvml.h, nvmlClocksEventReasonApplicationsClocksSetting: application or locked clocks are in effect."""
_TOLERANCE_WATTS = 1.0


@dataclass
class _Device:
    """One device: the power limit that it began with, and since when each thing has been as it should not be."""

    limit_watts: float | None = None
    since: dict[Reason, tuple[int, str]] = field(default_factory=dict)


class Adjustments:
    """Reads `gpuN.slow`; an episode is told when it begins (`open` in its data), and when it ends with its span."""

    def __init__(self) -> None:
        self._devices: dict[str, _Device] = {}

    def page(self, page: Page) -> list[Mark]:
        """The warnings that follow from `page`."""
        name = page.stream.removesuffix(STREAM_SUFFIX)
        device = self._devices.setdefault(name, _Device())
        nothing: list[Cell] = [None] * len(page.t_ns)
        columns = (page.data.get(column, nothing) for column in ("power_limit_watts", "throttle_reasons"))
        marks: list[Mark] = []
        for t_ns, limit, bits in zip(page.t_ns, *columns, strict=False):
            if isinstance(limit, int | float):
                marks += _limited(name, device, t_ns, limit)
            if isinstance(bits, int):
                held = f"a setting holds the clocks of {name} (application or locked clocks)"
                marks += _compare(name, device, t_ns, Reason.CLOCKS_SET, held if bits & _CLOCK_SETTING else "")
        return marks

    def end(self, t_ns: int) -> list[Mark]:
        """The run is over: close what is still open."""
        devices = self._devices.items()
        return [_over(name, device, reason, t_ns) for name, device in devices for reason in list(device.since)]


def _limited(name: str, device: _Device, t_ns: int, watts: float) -> list[Mark]:
    if device.limit_watts is None:
        device.limit_watts = watts
    changed = abs(watts - device.limit_watts) > _TOLERANCE_WATTS
    text = f"the power limit of {name} is {watts:.0f} W, and was {device.limit_watts:.0f} W when the race began"
    return _compare(name, device, t_ns, Reason.POWER_LIMIT_CHANGED, text if changed else "")


def _compare(name: str, device: _Device, t_ns: int, reason: Reason, text: str) -> list[Mark]:
    """An episode begins with a `text`, and is over without one."""
    if text and reason not in device.since:
        device.since[reason] = (t_ns, text)
        return [Mark(kind=MarkKind.WARNING, t_ns=t_ns, text=text, data={**_data(name, reason), "open": True})]
    return [_over(name, device, reason, t_ns)] if reason in device.since and not text else []


def _over(name: str, device: _Device, reason: Reason, t_ns: int) -> Mark:
    begun_ns, text = device.since.pop(reason)
    return Mark(kind=MarkKind.WARNING, t_ns=begun_ns, end_t_ns=t_ns, text=f"until now {text}", data=_data(name, reason))


def _data(name: str, reason: Reason) -> dict[str, JsonValue]:
    return {"code": reason.value, "device": name}
