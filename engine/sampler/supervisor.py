"""Watches over the readers: starts their threads, takes commands, tells of one that hangs, ends them all."""

import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import orjson
from pydantic import JsonValue

from engine.clock import NS, Clock
from engine.documents import Mark, MarkKind
from engine.errors import DeviceError
from engine.sampler.census import Census
from engine.sampler.deadlines import RATES_HZ
from engine.sampler.lanes import Table
from engine.sampler.openings import Opening
from engine.sampler.outlet import Outlet
from engine.sampler.reader import Reader

HANG_NS = NS
JOIN_SECONDS = 0.5
AGAIN_SECONDS = 1.0
"""How long a device that refuses is left alone."""


class Cost:
    """What the whole process costs: a row a second."""

    def __init__(self, clock: Clock, cpu_ns: Callable[[], int] = time.process_time_ns) -> None:
        self.table = Table("sampler.process", ["sampler_cpu_percent"])
        self._clock, self._read_cpu_ns = clock, cpu_ns
        self._since_ns, self._cpu_ns = clock.now_ns(), cpu_ns()

    @property
    def due_ns(self) -> int:
        """When the next row is."""
        return self._since_ns + NS

    def begin(self) -> None:
        """Count from here on: what it took to start is no cost of sampling."""
        self._since_ns, self._cpu_ns = self._clock.now_ns(), self._read_cpu_ns()

    def check(self, after_ns: int = NS) -> bool:
        """Add a row if `after_ns` have passed since the last one; True if so."""
        now, cpu = self._clock.now_ns(), self._read_cpu_ns()
        if now - self._since_ns < after_ns:
            return False
        self.table.add(now, (round(100 * (cpu - self._cpu_ns) / (now - self._since_ns), 3),))
        self._since_ns, self._cpu_ns = now, cpu
        return True


class Watched(Protocol):
    """What may be inside a driver call: a reader, or a device that is still being opened."""

    name: str
    calling_since_ns: int | None

    def hand_over(self) -> None:
        """Emit what it has, so that it stands before the mark."""

    def hung_mark(self, since_ns: int, now_ns: int, *, over: bool) -> Mark:
        """The mark for its call that has not returned since then."""


class Hangs:
    """Tells of driver calls that do not return, of each such call once."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def due_ns(self, watched: Iterable[Watched], now_ns: int) -> int:
        """When a call could next have taken too long: one that begins now, or one that is under way."""
        begun = [each.calling_since_ns for each in watched if each.calling_since_ns != self._told.get(each.name)]
        return HANG_NS + min([since for since in begun if since is not None], default=now_ns)

    def marks(self, watched: Iterable[Watched], now_ns: int, *, over: bool = False) -> list[Mark]:
        """A mark for each call that has come to take too long; when all is `over`, for each that still does."""
        found = []
        for each in watched:
            since = each.calling_since_ns
            if since is None or (now_ns - since < HANG_NS and not over):
                continue
            if over or self._told.get(each.name) != since:
                self._told[each.name] = since
                each.hand_over()
                found.append(each.hung_mark(since, now_ns, over=over))
        return found


class Supervisor:
    """Runs `readers`, and the readers of devices that open `late`, until the end.

    That is when file descriptor `commands` is closed or nobody reads from `outlet` any more. Commands are lines
    of JSON: ``{"rate": HZ}`` samples at that rate from now on, ``{"rate": 0}`` sleeps.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        clock: Clock,
        outlet: Outlet,
        commands: int = 0,
        *,
        late: Sequence[Opening] = (),
        rate_hz: int = 100,
    ) -> None:
        self.readers = list(readers)
        self._late, self._clock, self._outlet, self._commands = late, clock, outlet, commands
        self.cost = Cost(clock)
        self._hangs = Hangs()
        self._over = threading.Event()
        self._crash: BaseException | None = None
        watched: list[Watched] = [*readers, *late]
        self._watched = {each.name: each for each in watched}
        self._threads: dict[str, threading.Thread] = {}
        self._censuses: list[threading.Thread] = []
        self._rate_hz, self._unread = rate_hz, b""

    def run(self) -> bool:
        """Let them read until the end; False if a driver call never returned, and its thread is stuck.

        Raises BrokenPipeError when nobody reads any more, and whatever a reader's thread has raised.
        """
        self.cost.begin()
        for reader in self.readers:
            self._threads[reader.name] = self._started(self._read, reader)
        for opening in self._late:
            self._threads[opening.name] = self._started(self._await, opening)
        while not self._over.is_set():
            if self._listen(self._next_look()):
                break
            self._look()
        self._over.set()
        return self._wind_up()

    # -- threads

    def _started(self, task: Callable[..., None], *arguments: Any) -> threading.Thread:
        """A thread whose failure is everybody's end."""

        def run() -> None:
            try:
                task(*arguments)
            except BaseException as error:
                self._crash = error
                self._over.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def _read(self, reader: Reader) -> None:
        lanes = reader.lanes
        if lanes.source.process_call is not None:
            census = Census(lanes.source.process_call, lanes.processes, self._clock, self._outlet.send)
            self._censuses.append(self._started(census.run, self._over.wait, lambda: self._rate_hz > 0))
        reader.run(self._between_pages)

    def _await(self, opening: Opening) -> None:
        reader = self._patiently(opening)
        if reader is None:
            return
        for descriptor in reader.describe():
            self._outlet.send(descriptor)
        reader.missed(opening.begun_ns, opening.facts(reader))
        self._watched[reader.name] = reader
        self.readers.append(reader)
        reader.ask(self._rate_hz)
        self._read(reader)

    def _patiently(self, opening: Opening) -> Reader | None:
        """The device's reader, however often it has to be asked; None when all is over before."""
        told = False
        while True:
            try:
                return opening.reader(self._rate_hz)
            except DeviceError as error:
                if not told:
                    text = f"{opening.name} is left out until it answers: {error}"
                    self._outlet.send(self._warning(text, {"stream": opening.name}))
                    told = True
            if self._over.wait(AGAIN_SECONDS):
                return None
            opening.again()

    def _between_pages(self) -> bool:
        self._outlet.flush()
        return self._over.is_set()

    # -- watching

    def _next_look(self) -> float:
        """Seconds until there may be something to tell."""
        now = self._clock.now_ns()
        due = self._hangs.due_ns(list(self._watched.values()), now)
        return max(0.0, (min(due, self.cost.due_ns) if self._rate_hz else due) - now) / NS

    def _look(self) -> None:
        for mark in self._hangs.marks(list(self._watched.values()), self._clock.now_ns()):
            self._outlet.send(mark)
        if self._rate_hz and self.cost.check():
            self._hand_over_cost()
        self._outlet.flush()

    def _hand_over_cost(self) -> None:
        page = self.cost.table.take()
        if page is not None:
            self._outlet.send(page)

    def _wind_up(self) -> bool:
        for reader in self.readers:
            reader.wake()
        until = time.monotonic() + JOIN_SECONDS
        for thread in (*self._threads.values(), *self._censuses):
            thread.join(max(0.0, until - time.monotonic()))
        if self._crash is not None:
            raise self._crash
        stuck = [self._watched[name] for name, thread in self._threads.items() if thread.is_alive()]
        for mark in Hangs().marks(stuck, self._clock.now_ns(), over=True):
            self._outlet.send(mark)
        self.cost.check(after_ns=NS // 10)
        self._hand_over_cost()
        return not stuck and not any(thread.is_alive() for thread in self._censuses)

    # -- commands

    def _listen(self, seconds: float) -> bool:
        """Wait that long for commands and do them; True when there will be no more, which is the end."""
        try:
            if not select.select([self._commands], [], [], seconds)[0]:
                return False
            received = os.read(self._commands, 4096)
        except OSError:
            # No stdin at all: nobody could ever end us otherwise.
            return True
        *lines, self._unread = (self._unread + received).split(b"\n")
        for line in lines:
            self._do(line)
        return not received

    def _do(self, line: bytes) -> None:
        rate = None
        with suppress(orjson.JSONDecodeError, AttributeError):
            rate = orjson.loads(line).get("rate")
        if not isinstance(rate, int) or isinstance(rate, bool) or (rate and rate not in RATES_HZ):
            said = line[:100].decode(errors="replace")
            self._outlet.send(self._warning(f"the sampler does not understand the command {said!r}", {}))
            return
        self._rate_hz = rate
        for reader in self.readers:
            reader.ask(rate)

    def _warning(self, text: str, data: dict[str, JsonValue]) -> Mark:
        return Mark(kind=MarkKind.WARNING, t_ns=self._clock.now_ns(), text=text, data=data)
