"""The plan of a race: what this machine has, matched to what a demo asks for, before anything starts."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.arms.server import Launch
from engine.arms.simulated import simulated_launch
from engine.arms.vllm import vllm_launch
from engine.clock import MonotonicClock
from engine.config import Demo
from engine.errors import ArmUnavailable, NoDevice, WattraceError
from engine.ledger import Ledger
from engine.occupancy import Load, Occupancy
from engine.sources import open_sources

Power = Literal["nvml", "rapl", "simulated"]


@dataclass
class Plan:
    """What will really run: the arms' launches, the power source, and what a viewer must be told about them."""

    name: str
    demo: Demo
    launches: list[Launch]
    runtime: str
    power: Power | None
    occupancy_path: Path | None = None
    gpus: Sequence[int | str] = ()
    notes: list[str] = field(default_factory=list)
    _occupancy: Occupancy | None = None

    @property
    def simulated_arms(self) -> bool:
        """Whether the arms are simulated."""
        return self.runtime == "simulated"

    @property
    def publishes_occupancy(self) -> bool:
        """Whether real arms run beside a simulated GPU, which then follows what the clients see of them."""
        return self.power == "simulated" and not self.simulated_arms

    def idle(self, label: str) -> None:
        """Take an ended arm off the simulated GPU: a killed one cannot say so itself."""
        if self._occupancy is not None:
            self._occupancy.write(self.demo.labels.index(label), Load())

    def publish(self, ledger: Ledger) -> None:
        """Tell the simulated GPU how many requests each real arm is computing."""
        assert self._occupancy is not None
        for slot, books in enumerate(ledger.arms.values()):
            running = books.running
            share = 0.8 if running else 0.0
            self._occupancy.write(slot, Load(running, 0, share, min(1.0, running / 64)))


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

    Raises ArmUnavailable or NoDevice for what is missing, unless `fall_back` allows a simulated race with a note.
    """
    if simulate or demo.arms[0].runtime == "simulated":
        return _simulated(name, demo, folder, [])
    try:
        return _real(name, demo, folder, power)
    except (ArmUnavailable, NoDevice) as error:
        if not fall_back:
            raise
        return _simulated(name, demo, folder, [f"simulated, since {error}"])


def _simulated(name: str, demo: Demo, folder: Path, notes: list[str]) -> Plan:
    path = folder / "occupancy"
    occupancy = Occupancy.create(path)
    launches = [simulated_launch(demo, arm, slot=slot, occupancy=path) for slot, arm in enumerate(demo.arms)]
    return Plan(name, demo, launches, "simulated", "simulated", path, notes=notes, _occupancy=occupancy)


def _real(name: str, demo: Demo, folder: Path, power: Literal["auto", "simulated"]) -> Plan:
    missing: list[WattraceError] = []
    if not demo.on_cpu and power == "auto":
        try:
            _probe("nvml")
        except NoDevice as error:
            missing.append(error)
    launches: list[Launch] = []
    try:
        launches = [vllm_launch(demo, arm, label) for arm, label in zip(demo.arms, demo.labels, strict=True)]
    except ArmUnavailable as error:
        missing.append(error)
    if len(missing) == 2:
        raise NoDevice(f"{missing[0]}; and {missing[1]}")
    if missing:
        raise missing[0]
    plan = Plan(name, demo, launches, "vllm", "nvml")
    if power == "simulated":
        plan.power, plan.occupancy_path = "simulated", folder / "occupancy"
        plan._occupancy = Occupancy.create(plan.occupancy_path)
    elif demo.on_cpu:
        plan.power = _cpu_power(plan.notes)
    plan.gpus = sorted({gpu for label in demo.labels for gpu in demo.gpus_of(label)}, key=str)
    return plan


def _probe(kind: Power) -> None:
    """Raise NoDevice unless there is such a sensor and it may be read."""
    for source in open_sources(kind, clock=MonotonicClock()):
        source.close()


def _cpu_power(notes: list[str]) -> Power | None:
    """RAPL where it may be read. A GPU's watts would say nothing about arms that run on the CPU."""
    try:
        _probe("rapl")
    except NoDevice as error:
        notes.append(f"no power sensor: {error}")
        return None
    return "rapl"


def scratch_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder for one run's sockets and shared memory, gone with it; in memory where the system has such a place."""
    shared = Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="wattrace-", dir=shared if shared.is_dir() else None)
