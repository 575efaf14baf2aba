"""Finding our own processes by a mark in their environment, to see that none is left behind."""

import contextlib
import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

MARK = "WATTRACE_TEST_MARK"
WATTRACE = [str(Path(sys.executable).with_name("wattrace"))]
"""The installed command."""


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


def open_files(pid: int | str = "self") -> Counter[str]:
    """What the process has open, and how many of each; of sockets, pipes and the like the kind alone."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(str(entry.readlink()).partition(":[")[0])
    return Counter(target for target in found if not target.startswith("/proc/"))  # the folder that we look into


def wait_until(condition: Callable[[], object], *, seconds: float = 20.0, what: str) -> None:
    """Poll until `condition` holds; fail saying `what` was awaited."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
