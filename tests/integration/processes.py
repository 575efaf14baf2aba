"""Finding our own processes by a mark in their environment, to see that none is left behind."""

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

MARK = "WATTRACE_TEST_MARK"


def marked_environment(**extra: str) -> tuple[str, dict[str, str]]:
    """A fresh mark, and an environment that carries it."""
    mark = uuid.uuid4().hex
    return mark, {**os.environ, MARK: mark, **extra}


def living(mark: str) -> dict[int, str]:
    """Processes that carry `mark`, by id, with their command lines; zombies have ended."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() not in (folder / "environ").read_bytes():
                continue
            if (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def wait_until(condition: Callable[[], object], *, seconds: float = 20.0, what: str) -> None:
    """Poll until `condition` holds; fail saying `what` was awaited."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
