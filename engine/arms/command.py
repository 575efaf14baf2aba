"""The arm that is a command: any program that says, line by line, how much of its work it has done."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.config import Arm, Progress
from engine.errors import ArmUnavailable

# Python keeps what it prints to a pipe until it has 8 KiB of it: progress would come in lumps, or never.
_UNBUFFERED = {"PYTHONUNBUFFERED": "1"}
_PYTHON = "{python}"


@dataclass(frozen=True)
class CommandLaunch:
    """How to start the command, and how to read what it prints."""

    command: Sequence[str]
    progress: Progress
    env: Mapping[str, str] = field(default_factory=dict)


def command_launch(arm: Arm, label: str, environment: Mapping[str, str]) -> CommandLaunch:
    """How to run `arm`, with `environment` beside its own; raises ArmUnavailable when there is no such program.

    `{python}` in its words stands for the arm's `python`, else for the interpreter that runs wattrace.
    """
    assert arm.command is not None, "config checks that a command arm has a command"
    words = [word.replace(_PYTHON, arm.python or sys.executable) for word in arm.command]
    env = {**_UNBUFFERED, **environment, **arm.env}
    if shutil.which(words[0], path=env.get("PATH", os.environ.get("PATH"))) is None:
        raise ArmUnavailable(
            label, f"there is no program {words[0]!r} that may be run", remedy="correct its command, or install it"
        )
    return CommandLaunch(words, arm.progress or Progress(json_key="units_done"), env)
