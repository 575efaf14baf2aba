"""Who else computes on the GPUs while a command is measured: their watts are in its joules too."""

import os
from collections.abc import Callable

from engine.documents import Document, Mark, Page
from engine.foreign import STREAM_SUFFIX, ForeignProcesses, process_ids
from engine.leash import descends


class Company:
    """Reads lists of processes; whoever does not descend from us, and so from the command, is told of by a mark.

    A window of time has no process of its own: whatever computes then is what is measured, and nobody is foreign.
    """

    def __init__(self, tell: Callable[[Mark], None]) -> None:
        self._tell, self._foreign = tell, ForeignProcesses()

    def see(self, document: Document, *, running: bool) -> None:
        """Look at one document while the command is `running`, or is not."""
        if isinstance(document, Page) and document.stream.endswith(STREAM_SUFFIX):
            owned = {pid for pid in process_ids(document) if descends(pid, {os.getpid()})}
            for mark in self._foreign.page(document, owned=owned, starting=running):
                self._tell(mark)

    def end(self, t_ns: int) -> None:
        """The measurement is over."""
        for mark in self._foreign.end(t_ns):
            self._tell(mark)
