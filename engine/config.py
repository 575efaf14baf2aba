"""Demos: YAML files that say what is raced, checked strictly before anything starts."""

import difflib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from engine.errors import ConfigError, DemoNotFound

DEFAULT_DEMO = "batch-1-vs-8"
LABELS = "ABCDEF"

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """Unknown keys are errors; a validated demo does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Model(Strict):
    """Which model runs where: `gpu` a hub id or folder, `cpu` a folder or a name that `make engine-cpu` builds."""

    gpu: Text | None = None
    cpu: Text | None = None

    @model_validator(mode="after")
    def _at_least_one(self) -> "Model":
        if self.gpu is None and self.cpu is None:
            raise ValueError("name a model for at least one of gpu, cpu")
        return self


class Workload(Strict):
    """What the clients ask: a seeded order of prompts, answered by at most `max_tokens` each."""

    prompts: Literal["stage"] = "stage"
    max_tokens: Annotated[int, Field(ge=1, le=4096)] = 96
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 7


class Schedule(Strict):
    """Who runs when: turns of `round_seconds`, `rounds` in total over all arms."""

    mode: Literal["alternate"] = "alternate"
    round_seconds: Annotated[float, Field(ge=0.5, le=3600)] = 10.0
    rounds: Annotated[int, Field(ge=1, le=10_000)] = 12
    baseline_seconds: Annotated[float, Field(ge=0, le=600)] = 3.0
    cooldown_celsius: Positive | None = None
    cooldown_timeout_seconds: Annotated[float, Field(ge=0, le=3600)] = 20.0


class Arm(Strict):
    """One configuration: its name on screen, what runs it, and that runtime's arguments by their own names."""

    name: Text
    runtime: Literal["vllm", "simulated"] = "vllm"
    args: dict[str, JsonValue] = {}
    env: dict[str, str] = {}
    python: str | None = None
    gpus: Annotated[list[Annotated[int, Field(ge=0)] | str], Field(min_length=1)] | None = None

    @property
    def slots(self) -> int | None:
        """How many requests this arm computes at once, if its arguments say so."""
        value = self.args.get("max_num_seqs")
        return value if isinstance(value, int) else None

    @model_validator(mode="after")
    def _arguments_fit(self) -> "Arm":
        slots = self.args.get("max_num_seqs")
        if slots is not None and (isinstance(slots, bool) or not isinstance(slots, int) or slots < 1):
            raise ValueError(f"args.max_num_seqs is {slots!r}; a whole number from 1 would be right")
        for name in self.args:
            if name in {"model", "port", "host", "served_model_name"}:
                raise ValueError(f"args.{name} is set by wattrace; take it out")
        return self


class Demo(Strict):
    """A whole demo, as `demos/*.yaml` spell it."""

    title: Text
    learn: str = ""
    model: Model
    device: Literal["gpu", "cpu"] | None = None
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

    def with_schedule(self, *, rounds: int | None = None, round_seconds: float | None = None) -> "Demo":
        """The same demo with another number of rounds or another length; None leaves it as it is."""
        wishes = {"rounds": rounds, "round_seconds": round_seconds}
        changes = {name: value for name, value in wishes.items() if value is not None}
        if not changes:
            return self
        schedule = {**self.schedule.model_dump(), **changes}
        return parse_fields({**self.model_dump(), "schedule": schedule}, file="options")

    @model_validator(mode="after")
    def _parts_fit(self) -> "Demo":
        names = [arm.name for arm in self.arms]
        if len(set(names)) != len(names):
            raise ValueError(f"arms: two arms are called {_twice(names)!r}; give each a name of its own")
        if len({arm.runtime == "simulated" for arm in self.arms}) > 1:
            raise ValueError("arms: simulated and real arms cannot race each other; make all of one kind")
        if self.device is not None and getattr(self.model, self.device) is None:
            raise ValueError(f"device is {self.device}, but model.{self.device} is not set; name that model")
        if self.schedule.rounds < len(self.arms):
            raise ValueError(
                f"schedule.rounds is {self.schedule.rounds} for {len(self.arms)} arms; each needs at least one turn"
            )
        return self


def demo_names() -> list[str]:
    """Names of the demos that are shipped, sorted, the default first."""
    folder = resources.files("demos")
    names = sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))
    return sorted(names, key=lambda name: name != DEFAULT_DEMO)


def load_demo(name: str | None = None) -> tuple[str, Demo]:
    """The demo called `name` (or in the file of that path) and its short name.

    Raises DemoNotFound, or ConfigError naming the file, the place in it, and what would be right.
    """
    name = name or DEFAULT_DEMO
    shipped = resources.files("demos").joinpath(f"{name}.yaml")
    if "/" not in name and shipped.is_file():
        return name, parse_demo(shipped.read_text(encoding="utf-8"), file=f"{name}.yaml")
    path = Path(name)
    if not path.is_file():
        known = demo_names()
        close = difflib.get_close_matches(name, known, n=1)
        raise DemoNotFound(name, known=known, suggestion=close[0] if close else None)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(file=name, where="", problem=f"cannot be read: {error}") from error
    return path.stem, parse_demo(text, file=name)


def parse_demo(text: str, *, file: str) -> Demo:
    """The demo in YAML `text`; `file` is what errors call it."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "this"
        raise ConfigError(file=file, where=where, problem=f"not YAML: {problem}") from error
    if not isinstance(data, dict):
        raise ConfigError(
            file=file,
            where="",
            problem="not a demo",
            remedy="a mapping with title, model and arms would be right",
        )
    return parse_fields(data, file=file)


def parse_fields(data: dict[str, Any], *, file: str) -> Demo:
    """The demo in a mapping that YAML or options gave."""
    try:
        return Demo.model_validate(data)
    except ValidationError as error:
        raise _config_error(error, data=data, file=file) from error


def _config_error(error: ValidationError, *, data: Mapping[str, Any], file: str) -> ConfigError:
    # A misspelt key also leaves the right one missing: the misspelling is the one to name.
    problems = sorted(error.errors(include_url=False), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    where = _path(first["loc"])
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        known = _keys_at(first["loc"][:-1])
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return ConfigError(
            file=file, where=where, problem="unknown key", remedy=f"{hint}known here: {', '.join(known)}"
        )
    if first["type"] == "missing":
        return ConfigError(file=file, where=where, problem="is missing", remedy="add it")
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    got = "" if first["type"] == "value_error" else f" (it is {first['input']!r:.60})"
    return ConfigError(file=file, where=where, problem=message + got)


def _path(parts: Sequence[int | str]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _keys_at(parts: Sequence[int | str]) -> list[str]:
    kinds: dict[str, type[Strict]] = {"model": Model, "workload": Workload, "schedule": Schedule, "arms": Arm}
    kind = kinds.get(str(parts[0]), Demo) if parts else Demo
    return list(kind.model_fields)


def _twice(names: Sequence[str]) -> str:
    return next(name for name in names if names.count(name) > 1)
