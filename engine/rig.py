"""The rig: every device of a run with its readings, and which of them an arm is measured with. Pure."""

from engine.books import Flag, Instruments
from engine.clock import NS
from engine.conditions import ConditionTrack
from engine.devices import Devices
from engine.documents import ArmInfo, Cell, Descriptor, Page
from engine.energy import EnergyMeter
from engine.metrics import FAST_LANE
from engine.unknown import numbers

_PATIENCE_NS = NS
"""A device that is so much behind the others has stopped telling: nobody waits for it."""


class Rig:
    """Descriptors and pages of devices in, instruments out. What is not about a device is passed over."""

    def __init__(self) -> None:
        self.descriptors: dict[str, Descriptor] = {}
        self.meters: dict[str, EnergyMeter] = {}
        self.conditions: dict[str, ConditionTrack] = {}
        self.idle_watts: dict[str, float] = {}
        self.flags: list[Flag] = []
        self.devices_are_told = False
        """Whether the run's start says which arm is on which devices."""
        self.last_sample_t_ns: int | None = None

    # -- documents in

    def describe(self, descriptor: Descriptor) -> None:
        """A stream is announced."""
        self.descriptors[descriptor.stream] = descriptor

    def page(self, page: Page) -> bool:
        """Take a page; whether it brought power or energy."""
        descriptor = self.descriptors.get(page.stream)
        if page.stream.endswith(".slow"):
            self.conditions.setdefault(page.stream.removesuffix(".slow"), ConditionTrack()).add(page.t_ns, page.data)
            return False
        if descriptor is None or descriptor.device is None or "." in page.stream:
            return False
        meter = self.meters.get(page.stream) or self._new_meter(descriptor)
        nothing: list[Cell] = [None] * len(page.t_ns)
        instant, average, joules = (numbers(page.data.get(name, nothing)) for name in FAST_LANE)
        meter.add_page(page.t_ns, instant=instant, average=average, joules=joules)
        if any(value is not None for column in page.data.values() for value in column[-1:]):
            self.last_sample_t_ns = page.t_ns[-1]
        return True

    def _new_meter(self, descriptor: Descriptor) -> EnergyMeter:
        """A meter that knows what the device's descriptor says of its sensors."""
        return self.meters.setdefault(descriptor.stream, EnergyMeter(descriptor.documented_windows_ns))

    def rest(self, start_ns: int, end_ns: int) -> None:
        """The devices were idle from `start_ns` to `end_ns`: that is their baseline."""
        for name, meter in self.meters.items():
            # What has not been told yet is no silence: nobody waits for the baseline's last readings.
            watts = meter.snapped(start_ns, min(end_ns, meter.newest_t_ns or end_ns)).mean_watts
            if watts is not None:
                self.idle_watts[name] = watts

    def flag(self, flag: Flag) -> None:
        """Take a flag; one with an end closes the open one that it goes on from."""
        self.flags = [old for old in self.flags if old.end_ns is not None or not old.is_like(flag)]
        self.flags.append(flag)

    def forget_before(self, t_ns: int) -> None:
        """Drop what no window from `t_ns` on needs."""
        for meter in self.meters.values():
            meter.forget_before(t_ns)
        for track in self.conditions.values():
            track.forget_before(t_ns)
        self.flags = [flag for flag in self.flags if flag.end_ns is None or flag.end_ns >= t_ns]

    # -- what there is

    def caught_up(self, t_ns: int) -> bool:
        """Whether every device has told what it read until `t_ns`, or has stopped telling."""
        told = [meter.newest_t_ns or 0 for meter in self.meters.values()]
        return min(told, default=t_ns) >= t_ns or max(told) >= t_ns + _PATIENCE_NS

    def streams_of(self, info: ArmInfo) -> list[str]:
        """The devices of an arm: as its start says; in a recording from before starts did, the first there is."""
        return list(info.devices) if self.devices_are_told else list(self.meters)[:1]

    def instruments(self, info: ArmInfo) -> Instruments:
        """What the rounds of this arm are measured with, as of now."""
        streams = self.streams_of(info)
        # A device that has told nothing has energy that nobody knows, and so has an arm that is on it too.
        meters = [self.meters.get(name) or EnergyMeter() for name in streams] if self.meters else []
        idle = [self.idle_watts.get(name) for name in streams]
        known = [watts for watts in idle if watts is not None]
        return Instruments(
            devices=Devices(meters),
            conditions=[self.conditions[name] for name in streams if name in self.conditions],
            idle_watts=sum(known) if known and len(known) == len(idle) else None,
            flags=[flag for flag in self.flags if self._concerns(flag, info, streams)],
        )

    def _concerns(self, flag: Flag, info: ArmInfo, streams: list[str]) -> bool:
        return flag.arm in (None, info.label) and (flag.device is None or flag.device in streams)
