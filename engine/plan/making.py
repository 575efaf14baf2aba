"""Making the plan: arms, GPUs, memory and sensors are looked at before anything starts."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from engine.arms.command import command_launch
from engine.arms.hub import gpu_model_folder, weight_bytes
from engine.arms.memory import GpuMemory, Share, Shares, claims, least_freed_bytes, share_out
from engine.arms.openai import OpenAiLaunch, openai_launch
from engine.arms.server import Launch
from engine.arms.simulated import simulated_launch
from engine.arms.vllm import vllm_launch
from engine.clock import MonotonicClock
from engine.config import Arm, Demo
from engine.errors import ArgumentRefused, ArmUnavailable, NoDevice, WattraceError
from engine.occupancy import Occupancy
from engine.plan import gpus, models
from engine.plan.plan import Plan, PlannedArm, Power
from engine.simulator.model import GPU_MEMORY_BYTES
from engine.sources import find_sources


def make_plan(
    name: str,
    demo: Demo,
    *,
    folder: Path,
    simulate: bool = False,
    power: Literal["auto", "simulated"] = "auto",
    fall_back: bool = False,
) -> Plan:
    """Match `demo` to this machine; scratch files go into `folder`.

    Raises ArmUnavailable or NoDevice for what is missing, unless `fall_back` allows a simulated race with a note; and
    ArgumentRefused for arguments that an arm's vLLM does not take.
    """
    if simulate or demo.arms[0].runtime == "simulated":
        return _simulated(name, demo, folder, [])
    try:
        return _completed(_real(name, demo, folder, power))
    except ArgumentRefused:
        raise
    except (ArmUnavailable, NoDevice) as error:
        if not fall_back:
            raise
        return _simulated(name, demo, folder, [f"simulated, since {error}"])


# -- simulated


def _simulated(name: str, demo: Demo, folder: Path, notes: list[str]) -> Plan:
    """Servers and watts are simulated; a command is a command."""
    places = gpus.numbered(gpus.wanted(demo, {}))
    occupancy, path = _occupancy(demo, places, folder)
    shares = _simulated_turns(demo, places)
    arms = []
    for slot, (label, arm) in enumerate(zip(demo.labels, demo.arms, strict=True)):
        if arm.runtime == "command":
            arms.append(_command(arm, label, places[label]))
            continue
        share = shares.of.get(label) if shares else None
        launch = simulated_launch(demo, arm, slot=slot, occupancy=path, share=share.share if share else None)
        arms.append(_sleeping(_served(demo, label, "simulated", launch, places[label]), share))
    remarks = {label: share.why for label, share in shares.of.items()} if shares else {}
    return Plan(name, demo, arms, "simulated", path, notes=notes, remarks=remarks, occupancy=occupancy)


def _simulated_turns(demo: Demo, places: dict[str, list[int]]) -> Shares | None:
    """The shares of arms that would sleep by turns on boards of the simulated size; None where none would."""
    board = GpuMemory(GPU_MEMORY_BYTES, GPU_MEMORY_BYTES)
    known: dict[gpus.GpuName, GpuMemory] = {index: board for each in places.values() for index in each}
    asked = claims(gpus.placed(demo, places))
    try:
        shares = share_out(asked, known, mode=demo.schedule.mode, can_sleep=True)
    except ArmUnavailable:
        return None  # what does not fit on a real board may be simulated all the same
    return shares if shares.by_turns else None


def _occupancy(demo: Demo, places: dict[str, list[int]], folder: Path) -> tuple[Occupancy, Path]:
    path = folder / "occupancy"
    return Occupancy.create(path, [places[label] for label in demo.labels]), path


# -- real


def _completed(plan: Plan) -> Plan:
    """The same plan, with what may be wrong with its arms among its notes, and what they load."""
    launches = [arm.launch for arm in plan.arms if isinstance(arm.launch, Launch)]
    plan.notes += [doubt for launch in launches for doubt in launch.doubts]
    plan.model_revision = models.revision(plan.demo)
    return plan


def _real(name: str, demo: Demo, folder: Path, power: Literal["auto", "simulated"]) -> Plan:
    if power == "simulated":
        return _under_simulated_power(name, demo, folder)
    if demo.on_cpu:
        notes: list[str] = []
        sensor = _cpu_power(demo, notes)
        places = dict.fromkeys(demo.labels, [0] if sensor else [])
        return _watched(Plan(name, demo, _real_arms(demo, places), sensor, notes=notes))
    return _on_gpus(name, demo)


def _under_simulated_power(name: str, demo: Demo, folder: Path) -> Plan:
    """Real arms, where they would really run, beside simulated GPUs of their number."""
    arms = _real_arms(demo, _indices(demo) if not demo.on_cpu else {})
    places = gpus.numbered(gpus.wanted(demo, {}))
    occupancy, path = _occupancy(demo, places, folder)
    moved = [replace(arm, gpus=tuple(places[arm.label])) for arm in arms]
    return Plan(name, demo, moved, "simulated", path, notes=models.downloads(demo), occupancy=occupancy)


def _indices(demo: Demo) -> dict[str, list[int]]:
    """The arms' GPUs by index, as far as that is known where there may be no driver."""
    names = gpus.wanted(demo)
    try:
        return gpus.resolved(names)
    except NoDevice:
        return gpus.numbered(names)


def _on_gpus(name: str, demo: Demo) -> Plan:
    """Arms on GPUs that NVML measures; what is missing is told all at once."""
    missing: list[WattraceError] = []
    places: dict[str, list[int]] = {}
    try:
        places = gpus.resolved(gpus.wanted(demo))
    except NoDevice as error:
        missing.append(error)
    plan = Plan(name, demo, [], "nvml")
    try:
        shares = _shares(demo, places)
        plan.remarks = {label: share.why for label, share in shares.of.items()} if shares else {}
        plan.arms = _real_arms(demo, places, shares)
        plan.notes += models.downloads(demo)
    except ArgumentRefused:
        raise
    except ArmUnavailable as error:
        missing.append(error)
    if len(missing) == 2:
        raise NoDevice(f"{missing[0]}; and {missing[1]}")
    if missing:
        raise missing[0]
    plan.gpus = sorted({index for arm in plan.arms for index in arm.gpus})
    return _watched(plan)


def _shares(demo: Demo, places: dict[str, list[int]]) -> Shares | None:
    """How the vLLM arms share their GPUs' memory; raises ArmUnavailable when they do not fit."""
    if not any(arm.runtime == "vllm" for arm in demo.arms):
        return None
    placed = gpus.placed(demo, places) if places else demo
    known = gpus.memory(index for each in places.values() for index in each) if places else {}
    folder = gpu_model_folder(demo.model.gpu) if demo.model.gpu else None
    asked = claims(placed, weight_bytes(folder) if folder else None)
    return share_out(asked, known, mode=demo.schedule.mode, can_sleep=True, main_memory_bytes=_main_memory())


def _real_arms(demo: Demo, places: dict[str, list[int]], shares: Shares | None = None) -> list[PlannedArm]:
    """Every arm as the demo has it, on the GPUs `places` (none: not on a GPU, or not known on which)."""
    on_gpu = not demo.on_cpu and bool(places)
    placed = gpus.placed(demo, places) if on_gpu else demo
    arms = []
    for label, arm in zip(placed.labels, placed.arms, strict=True):
        place = places.get(label, [])
        match arm.runtime:
            case "command":
                environment = gpus.cuda_environment(place) if on_gpu else {}
                arms.append(_command(arm, label, place, environment))
            case "openai":
                launch = openai_launch(arm, label)
                arms.append(_served(demo, label, "openai", launch, place if launch.here else []))
            case _:
                share = shares.of[label] if shares else None
                sleeps = bool(shares and shares.by_turns)
                server = vllm_launch(placed, arm, label, share=share.share if share else None, sleeps=sleeps)
                arms.append(_sleeping(_served(demo, label, "vllm", server, place), share if sleeps else None))
    return arms


def _served(
    demo: Demo,
    label: str,
    runtime: Literal["vllm", "openai", "simulated"],
    launch: Launch | OpenAiLaunch,
    place: Sequence[int],
) -> PlannedArm:
    arm = demo.arms[demo.labels.index(label)]
    return PlannedArm(label, arm, runtime, launch, tuple(place), demo.concurrency_of(label))


def _sleeping(planned: PlannedArm, share: Share | None) -> PlannedArm:
    """The same arm as one that sleeps between its turns, if `share` is what it then gives away."""
    if share is None:
        return planned
    return replace(planned, sleeps=True, least_freed_bytes=least_freed_bytes(planned.arm, share.size_bytes))


def _command(arm: Arm, label: str, place: Sequence[int], environment: dict[str, str] | None = None) -> PlannedArm:
    launch = command_launch(arm, label, environment or {})
    return PlannedArm(label, arm, "command", launch, tuple(place))


def _watched(plan: Plan) -> Plan:
    """The same plan, without a sensor when no arm runs on this machine."""
    if all(isinstance(arm.launch, OpenAiLaunch) and not arm.launch.here for arm in plan.arms):
        plan.power = None
        plan.notes = ["no arm runs on this machine, so no power is read: the watts of theirs are not known here"]
    return plan


def _probe(kind: Power) -> None:
    """Raise NoDevice unless there is such a sensor and it may be read."""
    find_sources(kind, clock=MonotonicClock())


def _cpu_power(demo: Demo, notes: list[str]) -> Power | None:
    """RAPL where it may be read. A GPU's watts would say nothing about arms that run on the CPU."""
    if demo.device is None and any(arm.runtime == "openai" for arm in demo.arms):
        notes.append("taken to run on the CPU, since the demo does not say: on a GPU, add `device: gpu` to it")
    try:
        _probe("rapl")
    except NoDevice as error:
        notes.append(f"no power sensor: {error}")
        return None
    return "rapl"


def _main_memory() -> float | None:
    """Bytes of main memory that could be taken; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = (line.split() for line in lines if line.startswith("MemAvailable:"))
    return next((float(words[1]) * 1024 for words in found), None)


def scratch_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder for one run's sockets and shared memory, gone with it; in memory where the system has such a place."""
    shared = Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="wattrace-", dir=shared if shared.is_dir() else None)
