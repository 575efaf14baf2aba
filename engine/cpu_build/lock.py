"""The lock that keeps two builds in one folder apart."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

LOCK_FILE = "build.lock"


class BuildLock:
    """Hold `build.lock` in `folder` for the time of a `with` block, waiting for whoever holds it.

    The kernel frees it when its last holder is gone, by `kill -9` too. `descriptor` is meant to be passed on
    to the commands that the build runs: an installer that outlives its builder then still keeps the next
    builder out.
    """

    def __init__(self, folder: Path, say: Callable[[str], None], poll_seconds: float = 0.5) -> None:
        self._path = folder / LOCK_FILE
        self._say = say
        self._poll_seconds = poll_seconds
        self.descriptor = -1

    def __enter__(self) -> BuildLock:
        self.descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._wait()
            os.truncate(self.descriptor, 0)
            os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(self.descriptor)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Only closed, not unlocked: unlocking would free it under a command that still runs.
        os.close(self.descriptor)

    def _wait(self) -> None:
        told = False
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if not told:
                    holder = os.pread(self.descriptor, 32, 0).decode(errors="replace").strip()
                    self._say(f"another build is at work here (process {holder or 'unknown'}); waiting for it")
                    told = True
                time.sleep(self._poll_seconds)
