"""Who else computes on the GPUs while ours do: their watts are in our joules too. Lists of processes in, marks out."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from engine.documents import Document, Mark, Page
from engine.foreign import STREAM_SUFFIX, ForeignProcesses, process_ids
from engine.leash import descends

_FIRST_NAMESPACE = 0xEFFFFFFC
"""The inode of the kernel's first namespace of process ids, the one whose numbers drivers tell (PROC_PID_INIT_INO)."""


def ours(pids: Iterable[int], others: Iterable[int] = ()) -> set[int]:
    """Which of these processes we have started or are, or one of the `others` has or is."""
    roots = {os.getpid(), *others}
    return {pid for pid in pids if descends(pid, roots)}


class Company:
    """Reads lists of processes; of whoever is not `owned` a mark tells.

    `owned` picks those that are ours. With `adopts_residents` who was there before anything started may be, too.
    """

    def __init__(
        self,
        tell: Callable[[Mark], None],
        *,
        owned: Callable[[set[int]], set[int]] = ours,
        adopts_residents: bool = False,
        same_numbers: bool | None = None,
    ) -> None:
        same = _has_the_drivers_numbers() if same_numbers is None else same_numbers
        self._tell, self._owned = tell, owned
        self._foreign = ForeignProcesses(adopts_residents=adopts_residents, same_numbers=same)

    def see(self, document: Document, *, starting: bool) -> None:
        """Look at one document while something of ours may be `starting` to compute."""
        if isinstance(document, Page) and document.stream.endswith(STREAM_SUFFIX):
            pids = process_ids(document)
            owned = self._owned(pids)
            gone = {pid for pid in pids - owned if not Path(f"/proc/{pid}").exists()}
            for mark in self._foreign.page(document, owned=owned, starting=starting, gone=gone):
                self._tell(mark)

    def end(self, t_ns: int) -> None:
        """The run is over."""
        for mark in self._foreign.end(t_ns):
            self._tell(mark)


def _has_the_drivers_numbers() -> bool:
    """Whether our process ids are those that the driver lists: not in a container that has its own."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino == _FIRST_NAMESPACE
    except OSError:
        return False
