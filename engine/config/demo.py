"""A demo: model, workload, schedule and arms, as `demos/*.yaml` spell them, checked strictly."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from engine.config.arm import Arm
from engine.config.fields import Positive, Strict, Text
from engine.config.secrets import without_secrets, words_without_secrets

LABELS = "ABCDEF"


class Model(Strict):
    """Which model runs where: `gpu` a hub id or folder, `cpu` a folder or a name that `make engine-cpu` builds."""

    gpu: Text | None = None
    cpu: Text | None = None


class Workload(Strict):
    """What the clients ask: a seeded order of prompts, answered by at most `max_tokens` each."""

    prompts: Literal["stage", "handbook"] = "stage"
    """`stage`: short questions; `handbook`: the same questions, each behind one long shared text."""
    max_tokens: Annotated[int, Field(ge=1, le=4096)] = 96
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 7
    # YAML reads a bare `off` as false.
    prefix_cache: Annotated[
        Literal["keep", "per_round", "off"], BeforeValidator(lambda value: "off" if value is False else value)
    ] = "keep"
    """Whether a server may reuse what it cached of earlier prompts: always, within a round only, or never."""
    fixed_length: bool = False
    """Every answer has exactly `max_tokens` tokens: servers are asked to ignore the model's end of text."""


class Schedule(Strict):
    """Who runs when: turns of `round_seconds` or of `round_requests` answers, `rounds` in total over all arms."""

    mode: Literal["alternate", "parallel", "shared"] = "alternate"
    round_seconds: Annotated[float, Field(ge=0.5, le=3600)] = 10.0
    round_requests: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """The same work for every arm: a round ends with this answer; `round_seconds` then means nothing."""
    rounds: Annotated[int, Field(ge=1, le=10_000)] = 12
    baseline_seconds: Annotated[float, Field(ge=0, le=600)] = 3.0
    warm_up_seconds: Annotated[float, Field(ge=0, le=600)] = 8.0
    """At most so long each arm is warmed up, until its speed settles."""
    cooldown_celsius: Positive | None = None
    cooldown_timeout_seconds: Annotated[float, Field(ge=0, le=3600)] = 20.0
    stop_when_decided: bool = False
    """End early, once an interval that allows looking at any time excludes equality (docs/statistics.md)."""


class Demo(Strict):
    """A whole demo, as `demos/*.yaml` spell it."""

    title: Text
    learn: str = ""
    model: Model = Model()
    device: Literal["gpu", "cpu"] | None = None
    notes: str = ""
    """What the speaker wants to have in view: for the presenter's console alone, and in no recording."""
    steps: list[Text] = Field(default_factory=list)
    """What to do and say on stage, one after the other; as `notes`."""
    needs: list[Text] = Field(default_factory=list)
    """What the operator has to set up before, in words; wattrace checks what it can and changes nothing."""
    workload: Workload = Workload()
    schedule: Schedule = Schedule()
    arms: Annotated[list[Arm], Field(min_length=2, max_length=len(LABELS))]

    @property
    def on_cpu(self) -> bool:
        """Whether the arms run on the CPU: as `device` says, else when only a CPU model is named."""
        return self.device == "cpu" or (self.device is None and self.model.gpu is None)

    @property
    def labels(self) -> list[str]:
        """The arms' letters, in their order."""
        return list(LABELS[: len(self.arms)])

    def gpus_of(self, label: str) -> list[int | str]:
        """The GPUs of one arm, by index or UUID: as it says, else its own in parallel mode, else GPU 0."""
        number = self.labels.index(label)
        default = number if self.schedule.mode == "parallel" else 0
        return list(self.arms[number].gpus or [default])

    def concurrency_of(self, label: str) -> int:
        """How many requests the clients keep in flight for one arm."""
        return self.arms[self.labels.index(label)].concurrency or self.workload.concurrency

    def told(self) -> dict[str, Any]:
        """The demo as a recording has it: without the speaker's notes, and the arms' values whose names are secret."""
        fields = self.model_dump(mode="json", exclude={"notes", "steps"})
        for arm in fields["arms"]:
            arm["env"], arm["args"] = without_secrets(arm["env"]), without_secrets(arm["args"])
            arm["command"] = arm["command"] and words_without_secrets(arm["command"])
        return fields

    @model_validator(mode="after")
    def _arms_fit(self) -> "Demo":
        names = Counter(arm.name for arm in self.arms)
        if twice := [name for name, number in names.items() if number > 1]:
            raise ValueError(f"arms: two arms are called {twice[0]!r}; give each a name of its own")
        if len({arm.runtime == "simulated" for arm in self.arms}) > 1:
            raise ValueError("arms: simulated and real arms cannot race each other; make all of one kind")
        units = {arm.unit for arm in self.arms}
        if len(units) > 1:
            raise ValueError(f"arms: they count {' and '.join(sorted(units))}, which cannot be compared")
        return self

    @model_validator(mode="after")
    def _model_fits(self) -> "Demo":
        if not {arm.runtime for arm in self.arms} & {"vllm", "simulated"}:
            return self
        if self.model.gpu is None and self.model.cpu is None:
            raise ValueError("model: name a model for at least one of gpu, cpu")
        if self.device is not None and getattr(self.model, self.device) is None:
            raise ValueError(f"device is {self.device}, but model.{self.device} is not set; name that model")
        return self

    @model_validator(mode="after")
    def _schedule_fits(self) -> "Demo":
        rounds, arms = self.schedule.rounds, len(self.arms)
        if rounds < arms:
            raise ValueError(f"schedule.rounds is {rounds} for {arms} arms; each needs at least one turn")
        if self.schedule.mode == "parallel" and not self.on_cpu:
            taken = Counter(str(gpu) for label in self.labels for gpu in dict.fromkeys(self.gpus_of(label)))
            if twice := [gpu for gpu, number in taken.items() if number > 1]:
                raise ValueError(f"schedule.mode is parallel, but two arms use GPU {twice[0]}; give each its own gpus")
        if self.schedule.round_requests is not None and any(arm.runtime == "command" for arm in self.arms):
            raise ValueError("schedule.round_requests counts answers, which command arms do not give; take it out")
        return self
