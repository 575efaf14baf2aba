"""Processes that compute on a device and are none of ours: who pays for whose watts. Pure: pages in, marks out.

NVML names the processes of a device by number. Where wattrace sees the same numbers as the driver, a process is ours
when it belongs to an arm. In a container it does not see them (its processes have other numbers there than outside):
then a process is ours when it was first seen while one of our arms was starting, and foreign when it was there before
or came later. A foreign one that begins just while an arm starts is taken for ours there; nothing can tell them apart.

Whose a process is has to be asked after it was listed. One that came while ours were starting and had ended by then is
taken for ours too: GPU programs that live for a moment are what commands start, and nobody can ask any more.
"""

import re
from collections.abc import Set
from dataclasses import dataclass, field

from pydantic import JsonValue

from engine.documents import Cell, Mark, MarkKind, Page
from engine.validity import Reason

STREAM_SUFFIX = ".processes"


@dataclass
class _Device:
    """One device: since when each process may have been there, and since when there has been a foreign one."""

    since: dict[int, int] = field(default_factory=dict)
    adopted: set[int] = field(default_factory=set)
    excused: set[int] = field(default_factory=set)
    """Those who came in time to be ours, and had ended before anybody could ask."""
    row_ns: int | None = None
    begun_ns: int | None = None
    foreign: set[int] = field(default_factory=set)


class ForeignProcesses:
    """Reads `gpuN.processes`. With `adopts_residents` who was there before the first arm started is an arm too.

    (A server that wattrace did not start is one, and its number is not known.) `same_numbers`: ours are known to be the
    driver's, even before it has listed one of our own.
    """

    def __init__(self, *, adopts_residents: bool = False, same_numbers: bool = False) -> None:
        self._adopts_residents = adopts_residents
        self._devices: dict[str, _Device] = {}
        self._owned: set[int] = set()
        self._same_numbers = same_numbers
        self._was_starting = False

    def page(self, page: Page, *, owned: Set[int], starting: bool, gone: Set[int] = frozenset()) -> list[Mark]:
        """The warnings that follow from `page`, while arms own the processes `owned` and one may be `starting`.

        `gone` are those that had ended when it was asked who owns them.
        An episode is told when it begins (`open` in its data) and, with its whole span, when it is over.
        """
        name = page.stream.removesuffix(STREAM_SUFFIX)
        device = self._devices.setdefault(name, _Device())
        self._owned |= owned
        marks: list[Mark] = []
        for t_ns, cell in zip(page.t_ns, page.data.get("compute_process_ids", []), strict=False):
            if cell is not None:  # else the call failed: nobody knows who was there
                pids, may_be_ours = _numbers(cell), starting or self._was_starting
                device.excused |= (pids & gone) - device.since.keys() if may_be_ours else set()
                marks += self._row(name, device, t_ns, pids, starting=may_be_ours)
        # A process is listed up to a second after it began.
        self._was_starting = starting
        return marks

    def end(self, t_ns: int) -> list[Mark]:
        """The run is over: close what is still open."""
        return [_over(name, device, t_ns) for name, device in self._devices.items() if device.begun_ns is not None]

    def _row(self, name: str, device: _Device, t_ns: int, pids: set[int], *, starting: bool) -> list[Mark]:
        first = device.row_ns is None
        for gone in device.since.keys() - pids:
            del device.since[gone]
            device.excused.discard(gone)
        for pid in pids - device.since.keys():
            device.since[pid] = t_ns if device.row_ns is None else device.row_ns
            if self._adopts_residents if first else starting:
                device.adopted.add(pid)
        device.row_ns = t_ns
        self._same_numbers = self._same_numbers or not pids.isdisjoint(self._owned)
        foreign = {pid for pid in pids if not self._ours(device, pid)}
        return self._compare(name, device, t_ns, foreign)

    def _ours(self, device: _Device, pid: int) -> bool:
        if pid in self._owned or pid in device.excused:
            return True
        return pid in device.adopted and (self._adopts_residents or not self._same_numbers)

    def _compare(self, name: str, device: _Device, t_ns: int, foreign: set[int]) -> list[Mark]:
        if device.begun_ns is None and foreign:
            device.begun_ns, device.foreign = min(device.since[pid] for pid in foreign), set(foreign)
            return [_begun(name, device)]
        if device.begun_ns is not None and not foreign:
            return [_over(name, device, t_ns)]
        device.foreign |= foreign
        return []


def _begun(name: str, device: _Device) -> Mark:
    assert device.begun_ns is not None
    text = f"on {name} computes what is not ours: {_named(device.foreign)}"
    return Mark(kind=MarkKind.WARNING, t_ns=device.begun_ns, text=text, data={**_data(name, device), "open": True})


def _over(name: str, device: _Device, t_ns: int) -> Mark:
    assert device.begun_ns is not None
    text = f"on {name} computed what is not ours: {_named(device.foreign)}"
    begun_ns, data = device.begun_ns, _data(name, device)
    device.begun_ns, device.foreign = None, set()
    return Mark(kind=MarkKind.WARNING, t_ns=begun_ns, end_t_ns=t_ns, text=text, data=data)


def _data(name: str, device: _Device) -> dict[str, JsonValue]:
    return {"code": Reason.FOREIGN_PROCESS.value, "device": name, "pids": [*sorted(device.foreign)]}


def _named(pids: set[int]) -> str:
    return ("process " if len(pids) == 1 else "processes ") + ", ".join(map(str, sorted(pids)))


def process_ids(page: Page) -> set[int]:
    """Every process that a page of `gpuN.processes` lists."""
    return set().union(*map(_numbers, page.data.get("compute_process_ids", [])))


def _numbers(cell: Cell) -> set[int]:
    return {int(number) for number in re.findall(r"\d+", str(cell))}
