"""An arm as a demo file spells it: what runs it, and with which arguments."""

import re
from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, model_validator

from engine.config.fields import Positive, Strict, Text

Runtime = Literal["vllm", "openai", "command", "simulated"]

_OWN_ARGUMENTS = frozenset({"model", "port", "host", "served_model_name"})


class Progress(Strict):
    """How a command's output tells what it has done: a regular expression, or a key of JSON lines; one of the two.

    The expression's group `done` counts from the command's start, its group `more` since the line before; a JSON key
    counts from the start. `unit` is what is counted, in the singular, as the screen shows it.
    """

    unit: Annotated[str, Field(min_length=1, max_length=24, pattern=r"^[^\s\d]+$")] = "unit"
    pattern: Text | None = None
    json_key: Text | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Progress":
        if (self.pattern is None) == (self.json_key is None):
            raise ValueError("give either pattern (a regular expression) or json_key")
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groupindex
            except re.error as error:
                raise ValueError(f"pattern is not a regular expression: {error}") from error
            if len({"done", "more"} & set(groups)) != 1:
                raise ValueError("pattern needs one group called done or more: '(?P<done>[0-9]+)'")
        return self


class Restart(Strict):
    """How often an arm that died may be started again, and how long to wait before the first time (then twice that)."""

    times: Annotated[int, Field(ge=1, le=10)] = 1
    backoff_seconds: Positive = 1.0


class Arm(Strict):
    """One configuration: its name on screen, what runs it, and that runtime's arguments by their own names."""

    name: Text
    runtime: Runtime = "vllm"
    args: dict[str, JsonValue] = Field(default_factory=dict)
    env: dict[str, str] = Field(default_factory=dict)
    python: str | None = None
    gpus: Annotated[list[Annotated[int, Field(ge=0)] | str], Field(min_length=1)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=256)] | None = None
    """Requests that the clients keep in flight for this arm; None: as the workload says."""
    url: Text | None = None
    model: Text | None = None
    api_key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    command: Annotated[list[str], Field(min_length=1)] | None = None
    progress: Progress | None = None
    restart: Restart | None = None

    @property
    def slots(self) -> int | None:
        """How many requests this arm computes at once, if its arguments say so."""
        value = self.args.get("max_num_seqs")
        return value if isinstance(value, int) else None

    @property
    def unit(self) -> str:
        """What the arm's work is counted in."""
        return "token" if self.runtime != "command" else (self.progress.unit if self.progress else "unit")

    @model_validator(mode="after")
    def _arguments_fit(self) -> "Arm":
        slots = self.args.get("max_num_seqs")
        if slots is not None and (isinstance(slots, bool) or not isinstance(slots, int) or slots < 1):
            raise ValueError(f"args.max_num_seqs is {slots!r}; a whole number from 1 would be right")
        for name in self.args:
            if name in _OWN_ARGUMENTS:
                raise ValueError(f"args.{name} is set by wattrace; take it out")
        return self

    @model_validator(mode="after")
    def _runtime_fits(self) -> "Arm":
        if check := _CHECKS.get(self.runtime):
            check(self)
        belongs = {"url": "openai", "model": "openai", "api_key_env": "openai", "command": "command"}
        for name, runtime in {**belongs, "progress": "command"}.items():
            if self.runtime != runtime and getattr(self, name) is not None:
                raise ValueError(f"{name} is for arms of runtime {runtime}; take it out, or change the runtime")
        return self


def _check_openai(arm: Arm) -> None:
    if arm.url is None:
        raise ValueError("an openai arm needs url, as in http://127.0.0.1:8000/v1")
    parts = urlsplit(arm.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"url is {arm.url!r}; http://HOST:PORT/v1 would be right")
    if parts.username or parts.password or parts.query:
        raise ValueError("url must hold no password, key or query: name the key's variable in api_key_env")
    _refuse(arm, "args", "python", "restart", why="wattrace does not start that server")


def _check_command(arm: Arm) -> None:
    if arm.command is None:
        raise ValueError("a command arm needs command, a list: [python, train.py]")
    _refuse(arm, "args", "concurrency", why="write them into the command")


def _refuse(arm: Arm, *names: str, why: str) -> None:
    for name in names:
        if getattr(arm, name):
            raise ValueError(f"{name} means nothing to an arm of runtime {arm.runtime}: {why}")


_CHECKS: dict[Runtime, Callable[[Arm], None]] = {"openai": _check_openai, "command": _check_command}
