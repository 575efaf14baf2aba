"""Demos as files: found by name or path, parsed, and every mistake named with its place."""

import difflib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engine.config.arm import Arm, Progress, Restart
from engine.config.demo import Demo, Model, Schedule, Workload
from engine.config.fields import Strict
from engine.errors import ConfigError, DemoNotFound

DEFAULT_DEMO = "batch-1-vs-8"


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


def with_schedule(demo: Demo, *, rounds: int | None = None, round_seconds: float | None = None) -> Demo:
    """The same demo with another number of rounds or another length; None leaves it as it is."""
    wishes = {"rounds": rounds, "round_seconds": round_seconds}
    changes = {name: value for name, value in wishes.items() if value is not None}
    if not changes:
        return demo
    schedule = {**demo.schedule.model_dump(), **changes}
    return parse_fields({**demo.model_dump(), "schedule": schedule}, file="options")


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
    kinds: dict[str, type[Strict]] = {
        "model": Model,
        "workload": Workload,
        "schedule": Schedule,
        "arms": Arm,
        "progress": Progress,
        "restart": Restart,
    }
    names = [str(part) for part in parts if part in kinds]
    return list(kinds[names[-1]].model_fields if names else Demo.model_fields)
