"""Who computes on a device, listed once a second in a thread of its own: some drivers take milliseconds for it."""

from collections.abc import Callable

from engine.clock import NS, Clock
from engine.documents import Page
from engine.sampler.lanes import PROCESS_NS, Table
from engine.sources import ProcessCall


class Census:
    """Makes `call` every second and hands each row of `table` to `emit` at once."""

    def __init__(self, call: ProcessCall, table: Table, clock: Clock, emit: Callable[[Page], None]) -> None:
        self._call, self._table, self._clock, self._emit = call, table, clock, emit

    def run(self, ended: Callable[[float], bool], wanted: Callable[[], bool]) -> None:
        """List while samples are `wanted`, until `ended`, which waits for so many seconds, says so."""
        due_ns = self._clock.now_ns()
        while True:
            if wanted():
                self._list()
            # A call that takes longer than a second is not made up for.
            due_ns = max(due_ns + PROCESS_NS, self._clock.now_ns())
            if ended((due_ns - self._clock.now_ns()) / NS):
                return

    def _list(self) -> None:
        row = self._call.read()
        self._table.add(self._clock.now_ns(), row)
        page = self._table.take()
        if page is not None:
            self._emit(page)
