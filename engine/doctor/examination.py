"""The doctor: looks at everything that a demo needs on this machine, its power sensors by really sampling them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.arms.vllm import vllm_launch
from engine.config import Demo
from engine.doctor import checkup, probes
from engine.doctor.checkup import Finding, Refusal, could_race
from engine.errors import ArmUnavailable, DeviceError, SamplerDied
from engine.sampling import Sampler
from engine.sensing import Sensing

SECONDS = 3.0
"""How long sensors are sampled: the shortest time in which slow ones show their periods."""


@dataclass(frozen=True)
class Look:
    """What sampling one kind of device came to."""

    devices: list[dict[str, Any]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    refusal: Refusal | None = None


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


async def examine(name: str, demo: Demo, *, port: int, seconds: float = SECONDS) -> Examination:
    """Look at all that `demo` needs; sensors are sampled for `seconds`, all at the same time."""
    simulated = demo.arms[0].runtime == "simulated"
    kinds = ("nvml", "rapl", *(["simulated"] if simulated else []))
    found = dict(zip(kinds, await asyncio.gather(*(look(kind, seconds) for kind in kinds)), strict=True))
    findings = [*_devices(found, demo, simulated=simulated)]
    if not simulated:
        findings += [finding async for finding in _arms(demo)]
    findings += _machine(demo, port)
    gpus = [
        {"source": kind, "device": device, "sensor": report}
        for kind, seen in found.items()
        for device, report in zip(seen.devices, seen.reports, strict=False)
    ]
    return Examination(name, list(dict.fromkeys(findings)), gpus)


async def look(kind: str, seconds: float) -> Look:
    """Sample the devices of one kind as a race would."""
    sensing = Sensing()
    sampler = Sampler(source=kind, clock_origin_ns=time.monotonic_ns(), on_document=sensing.add)
    try:
        async with sampler:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(sampler.wait(), seconds)
    except DeviceError as error:
        return Look(refusal=Refusal(error.what, error.remedy))
    except SamplerDied as error:
        return Look(refusal=Refusal(str(error)))
    devices = sampler.provenance.get("devices")
    facts = [dict(device) for device in devices if isinstance(device, dict)] if isinstance(devices, list) else []
    return Look(facts, sensing.reports())


def _devices(found: dict[str, Look], demo: Demo, *, simulated: bool) -> Iterator[Finding]:
    needs_gpu = not demo.on_cpu and not simulated
    nvml, rapl = found["nvml"], found["rapl"]
    yield checkup.driver(nvml.refusal, nvml.devices, needed=needs_gpu)
    if needs_gpu and nvml.refusal is None:
        wanted = dict.fromkeys(gpu for label in demo.labels for gpu in demo.gpus_of(label))
        yield from checkup.wanted_gpus(wanted, nvml.devices)
    for device in nvml.devices:
        yield from checkup.board(device)
    yield checkup.cpu_counter(rapl.refusal, needed=demo.on_cpu and not simulated)
    for kind, seen in found.items():
        for device, report in zip(seen.devices, seen.reports, strict=False):
            yield from checkup.sensor(device_name(kind, device), report)


def device_name(kind: str, device: dict[str, Any]) -> str:
    """What a device is called in a sentence."""
    return {"rapl": "processor", "simulated": "simulated GPU"}.get(kind) or f"GPU {device.get('index')}"


async def _arms(demo: Demo) -> AsyncIterator[Finding]:
    """Every arm's interpreter, and the model."""
    model = demo.model.cpu if demo.on_cpu else demo.model.gpu
    assert model is not None, "config checks that the chosen device has a model"
    interpreters: dict[str, None] = {}
    for arm, label in zip(demo.arms, demo.labels, strict=True):
        try:
            interpreters[vllm_launch(demo, arm, label).command[0]] = None
        except ArmUnavailable as error:
            if repr(model) not in error.problem:  # the model has a finding of its own
                yield Finding("vllm", "problem", error.problem, error.remedy)
    for python in interpreters:
        yield checkup.interpreter(python, await probes.vllm_version(python))
    folder = probes.cpu_model_folder(model) if demo.on_cpu else probes.gpu_model_folder(model)
    yield checkup.model(model, str(folder) if folder else None, on_cpu=demo.on_cpu)


def _machine(demo: Demo, port: int) -> Iterator[Finding]:
    folder = probes.data_folder()
    free, writable = probes.disk_room(folder)
    seconds = demo.schedule.rounds * demo.schedule.round_seconds
    yield checkup.disk(str(folder), free, writable=writable, seconds=seconds)
    yield checkup.port(port, free=probes.port_is_free(port))
    yield checkup.clock_source(probes.clock_source())
