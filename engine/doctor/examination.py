"""The doctor: looks at everything that a demo needs on this machine, its power sensors by really sampling them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine import network
from engine.config import Demo
from engine.doctor import boards, host, needs, probes, sensors
from engine.doctor.arms import look_at_arms
from engine.doctor.findings import Finding, could_race
from engine.doctor.looking import Look, device_name, look, process_ids
from engine.errors import NoDevice
from engine.plan import gpus

SECONDS = 3.0
"""How long sensors are sampled: the shortest time in which slow ones show their periods."""


@dataclass(frozen=True)
class Examination:
    """Everything that was found."""

    demo: str
    findings: list[Finding]
    gpus: list[dict[str, Any]]

    @property
    def ok(self) -> bool:
        """Whether the demo could race now."""
        return could_race(self.findings)

    def as_dict(self) -> dict[str, Any]:
        """What `wattrace doctor --json` prints."""
        findings = [finding.as_dict() for finding in self.findings]
        return {"ok": self.ok, "demo": self.demo, "findings": findings, "gpus": self.gpus}


async def examine(
    name: str, demo: Demo, *, at_host: str, port: int, simulate: bool = False, seconds: float = SECONDS
) -> Examination:
    """Look at all that `demo` needs; sensors are sampled for `seconds`, all at the same time.

    `at_host` and `port` are where its dashboard would be served; `simulate`: it would race on simulated arms.
    """
    simulated = simulate or demo.arms[0].runtime == "simulated"
    kinds = ("nvml", "rapl", *(["simulated"] if simulated else []))
    found = dict(zip(kinds, await asyncio.gather(*(look(kind, seconds) for kind in kinds)), strict=True))
    findings = [*_devices(found, demo, simulated=simulated)]
    if not simulated:
        findings += [finding async for finding in look_at_arms(demo, found["nvml"])]
    findings += _machine(demo, at_host, port)
    devices = [
        {"source": kind, "device": device, "sensor": report}
        for kind, seen in found.items()
        for device, report in zip(seen.devices, seen.reports, strict=False)
    ]
    return Examination(name, list(dict.fromkeys(findings)), devices)


def _devices(found: dict[str, Look], demo: Demo, *, simulated: bool) -> Iterator[Finding]:
    needs_gpu = not demo.on_cpu and not simulated
    nvml, rapl = found["nvml"], found["rapl"]
    yield boards.driver(nvml.refusal, nvml.devices, needed=needs_gpu)
    if needs_gpu and (nodes := probes.device_nodes()):
        yield host.nodes(probes.refused_nodes(nodes))
    if needs_gpu and nvml.refusal is None:
        yield from _boards(nvml, demo)
    yield sensors.cpu_counter(rapl.refusal, needed=demo.on_cpu and not simulated)
    for kind, seen in found.items():
        for device, report in zip(seen.devices, seen.reports, strict=False):
            yield sensors.energy_support(device_name(kind, device), report)
            yield from sensors.sensor(device_name(kind, device), report)


def _boards(nvml: Look, demo: Demo) -> Iterator[Finding]:
    """The GPUs that the demo wants, and how they are set up and used now."""
    try:
        wanted = dict.fromkeys(gpu for names in gpus.wanted(demo).values() for gpu in names)
    except NoDevice as error:
        yield Finding("gpu", "problem", error.what, error.remedy or "name others in the arms' gpus")
        return
    yield from boards.wanted_gpus(wanted, nvml.devices)
    chosen = [boards.find(gpu, nvml.devices) for gpu in wanted]
    for device, row in zip(nvml.devices, nvml.rows, strict=False):
        if device not in chosen:
            continue
        yield from boards.board(device, limit_is_needed=needs.limited(demo.needs, device))
        yield from boards.held_back(device, row)
        ids = process_ids(row)
        yield boards.foreign(device, None if ids is None else {pid: probes.process_name(pid) for pid in ids})
    yield from needs.check(demo.needs, nvml.devices)


def _machine(demo: Demo, at_host: str, port: int) -> Iterator[Finding]:
    folder = probes.data_folder()
    free, writable = probes.disk_room(folder)
    seconds = demo.schedule.rounds * demo.schedule.round_seconds
    yield host.disk(str(folder), free, writable=writable, seconds=seconds)
    yield host.port(port, network.port_refusal(port, at_host))
    addresses = network.addresses()
    yield host.audience(at_host, port, addresses, answered=network.answering(at_host, addresses))
    yield host.open_files(probes.most_open_files())
    yield host.clock_source(probes.clock_source())
