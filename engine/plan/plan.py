"""What a plan holds: every arm's launch and place, the power source, and what a viewer must be told about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from engine.arms.command import CommandLaunch
from engine.arms.openai import OpenAiLaunch
from engine.arms.server import Launch
from engine.config import Arm, Demo, Runtime, without_secrets, words_without_secrets
from engine.documents import ArmInfo
from engine.occupancy import Load, Occupancy

Power = Literal["nvml", "rapl", "simulated"]

_FULL = 64
"""So many requests at once make a simulated GPU compute as much as it can."""


@dataclass(frozen=True)
class PlannedArm:
    """One arm as it will really run: `runtime` is `simulated` where the demo's was replaced."""

    label: str
    arm: Arm
    runtime: Runtime
    launch: Launch | OpenAiLaunch | CommandLaunch
    gpus: tuple[int, ...] = ()
    """Indices of the devices whose watts are its own; none where nothing is known of them."""
    concurrency: int | None = None
    """Requests that its clients keep in flight; None for a command, which has none."""
    sleeps: bool = False
    """Whether it gives its memory away while another arm has its turn."""
    least_freed_bytes: float | None = None
    """So much of its GPUs' memory must become free before it counts as asleep; None: its share is not known."""

    @property
    def devices(self) -> list[str]:
        """The streams of its devices."""
        return [f"gpu{index}" for index in self.gpus]

    @property
    def requested(self) -> dict[str, JsonValue]:
        """What it was asked to be; never a key."""
        match self.launch:
            case Launch():
                return without_secrets(self.arm.args)
            case OpenAiLaunch(url=url):
                return {"url": url, "model": self.arm.model}
            case CommandLaunch():
                return {"command": [*words_without_secrets(self.arm.command or ())]}


@dataclass
class Plan:
    """What will really run."""

    name: str
    demo: Demo
    arms: Sequence[PlannedArm]
    power: Power | None
    occupancy_path: Path | None = None
    gpus: Sequence[int | str] = ()
    """What the sampler is to read; none means all there are."""
    notes: list[str] = field(default_factory=list)
    """What a viewer must know."""
    remarks: dict[str, str] = field(default_factory=dict)
    """What was decided for an arm, by label, and why."""
    model_revision: str | None = None
    """Of the hub's model that real arms load, where it is known before they do."""
    occupancy: Occupancy | None = None

    @property
    def simulated_arms(self) -> bool:
        """Whether any arm is simulated."""
        return any(arm.runtime == "simulated" for arm in self.arms)

    @property
    def publishes_occupancy(self) -> bool:
        """Whether real arms run beside a simulated GPU, which then follows what is seen of them from here."""
        return self.power == "simulated" and any(arm.runtime != "simulated" for arm in self.arms)

    def arm(self, label: str) -> PlannedArm:
        """The arm of this letter."""
        return self.arms[self.demo.labels.index(label)]

    def arm_infos(self, devices: Mapping[str, JsonValue]) -> list[ArmInfo]:
        """The arms as the start document has them; `devices` is what the sampler said of its devices."""
        listed = devices.get("devices")
        told = listed if isinstance(listed, list) else []
        there = {device.get("index") for device in told if isinstance(device, dict)}
        return [
            ArmInfo(
                label=arm.label,
                name=arm.arm.name,
                runtime=arm.runtime,
                requested=arm.requested,
                unit=arm.arm.unit,
                devices=[f"gpu{index}" for index in arm.gpus if index in there],
                concurrency=arm.concurrency,
            )
            for arm in self.arms
        ]

    def idle(self, label: str) -> None:
        """Take an ended arm off the simulated GPU: a killed one cannot say so itself."""
        self._publish(label, 0)

    def publish(self, running: Mapping[str, int]) -> None:
        """Tell the simulated GPU how many requests (or commands) each real arm is computing."""
        for arm in self.arms:
            if arm.runtime != "simulated":
                self._publish(arm.label, running.get(arm.label, 0))

    def _publish(self, label: str, running: int) -> None:
        if self.occupancy is not None:
            load = Load(running, 0, 0.8, min(1.0, running / _FULL)) if running else Load()
            self.occupancy.write(self.demo.labels.index(label), load)
