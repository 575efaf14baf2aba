"""What is on a stage beside the race itself: the demo that would run, or the recording that is played. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.config import Demo
from server.runinfo import schedule_info


@dataclass(frozen=True)
class DemoInfo:
    """The demo that would run, as long as nothing has."""

    name: str
    title: str
    learn: str = ""
    arms: Sequence[Mapping[str, str]] = ()
    schedule: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool = False

    @classmethod
    def of(cls, name: str, demo: Demo, *, simulated: bool = False) -> "DemoInfo":
        """What viewers need to know of `demo`; `simulated`: it would run on the simulated device."""
        arms = [
            {"label": label, "name": arm.name, "runtime": "simulated" if simulated else arm.runtime}
            for label, arm in zip(demo.labels, demo.arms, strict=True)
        ]
        schedule = schedule_info(demo.schedule.model_dump(), demo.labels)
        return cls(name, demo.title, demo.learn, arms, schedule, simulated)


@dataclass(frozen=True)
class ReplayInfo:
    """The documents come from a recording, at `speed` times the pace of then."""

    file: str
    speed: float = 1.0
    paused: bool = False
    loop: bool = False
    duration_ns: int | None = None
    """How long the recording is, as soon as that is known."""

    @property
    def pace(self) -> float:
        """Recorded seconds a second."""
        return 0.0 if self.paused else self.speed

    def told(self) -> dict[str, Any]:
        """What viewers hear of it: beside `file` and `speed`, what there is to say."""
        return {name: value for name, value in asdict(self).items() if name in {"file", "speed"} or value}
