"""Who else computes on the GPUs while a command is measured: their watts are in its joules too."""

import os
from collections.abc import Callable
from pathlib import Path

from engine.documents import Document, Mark, Page
from engine.foreign import STREAM_SUFFIX, ForeignProcesses, process_ids
from engine.leash import descends

_FIRST_NAMESPACE = 0xEFFFFFFC
"""The inode of the kernel's first namespace of process ids, the one whose numbers drivers tell (PROC_PID_INIT_INO)."""


class Company:
    """Reads lists of processes; whoever does not descend from us, and so from the command, is told of by a mark.

    A window of time has no process of its own: whatever computes then is what is measured, and nobody is foreign.
    """

    def __init__(self, tell: Callable[[Mark], None], *, same_numbers: bool | None = None) -> None:
        same = _has_the_drivers_numbers() if same_numbers is None else same_numbers
        self._tell, self._foreign = tell, ForeignProcesses(same_numbers=same)

    def see(self, document: Document, *, running: bool) -> None:
        """Look at one document while the command is `running`, or is not."""
        if isinstance(document, Page) and document.stream.endswith(STREAM_SUFFIX):
            pids = process_ids(document)
            owned = {pid for pid in pids if descends(pid, {os.getpid()})}
            gone = {pid for pid in pids - owned if not Path(f"/proc/{pid}").exists()}
            for mark in self._foreign.page(document, owned=owned, starting=running, gone=gone):
                self._tell(mark)

    def end(self, t_ns: int) -> None:
        """The measurement is over."""
        for mark in self._foreign.end(t_ns):
            self._tell(mark)


def _has_the_drivers_numbers() -> bool:
    """Whether our process ids are those that the driver lists: not in a container that has its own."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino == _FIRST_NAMESPACE
    except OSError:
        return False
