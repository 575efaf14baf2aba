"""Watches over the readers: starts their threads, takes commands, tells of one that hangs, ends them all."""

import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import orjson

from engine.clock import NS, Clock
from engine.documents import Mark, MarkKind
from engine.sampler.deadlines import RATES_HZ
from engine.sampler.lanes import Table
from engine.sampler.outlet import Outlet
from engine.sampler.reader import Reader

LOOK_SECONDS = 0.1
HANG_NS = NS
JOIN_SECONDS = 0.5


class Cost:
    """What the whole process costs: a row a second."""

    def __init__(self, clock: Clock, cpu_ns: Callable[[], int] = time.process_time_ns) -> None:
        self.table = Table("sampler.process", ["sampler_cpu_percent"])
        self._clock, self._read_cpu_ns = clock, cpu_ns
        self._since_ns, self._cpu_ns = clock.now_ns(), cpu_ns()

    def check(self, after_ns: int = NS) -> bool:
        """Add a row if `after_ns` have passed since the last one; True if so."""
        now, cpu = self._clock.now_ns(), self._read_cpu_ns()
        if now - self._since_ns < after_ns:
            return False
        self.table.add(now, (round(100 * (cpu - self._cpu_ns) / (now - self._since_ns), 3),))
        self._since_ns, self._cpu_ns = now, cpu
        return True


class Hangs:
    """Which readers are in a driver call that does not return, and since when; each such call is told once."""

    def __init__(self, readers: Sequence[Reader]) -> None:
        self._readers = readers
        self._told: dict[int, int] = {}

    def marks(self, now_ns: int, *, over: bool = False) -> list[Mark]:
        """A mark for each call that has come to take too long; when all is `over`, for each that still does."""
        found = []
        for number, reader in enumerate(self._readers):
            since = reader.calling_since_ns
            if since is None or (now_ns - since < HANG_NS and not over):
                continue
            if over or self._told.get(number) != since:
                self._told[number] = since
                reader.hand_over()
                found.append(reader.hung_mark(since, now_ns, over=over))
        return found


class Supervisor:
    """Runs `readers` until file descriptor `commands` is closed or nobody reads from `outlet` any more.

    Commands are lines of JSON: ``{"rate": HZ}`` samples at that rate from now on, ``{"rate": 0}`` sleeps.
    """

    def __init__(self, readers: Sequence[Reader], clock: Clock, outlet: Outlet, commands: int = 0) -> None:
        self._readers, self._clock, self._outlet, self._commands = readers, clock, outlet, commands
        self.cost = Cost(clock)
        self._hangs = Hangs(readers)
        self._over = threading.Event()
        self._crash: BaseException | None = None
        self._threads = [threading.Thread(target=self._read, args=(each,), daemon=True) for each in readers]
        self._asleep, self._unread = False, b""

    def run(self) -> bool:
        """Let them read until the end; False if a driver call never returned, and its thread is stuck.

        Raises BrokenPipeError when nobody reads any more, and whatever a reader's thread has raised.
        """
        for thread in self._threads:
            thread.start()
        while not self._over.is_set():
            if self._listen(1 if self._asleep else LOOK_SECONDS):
                break
            self._look()
        self._over.set()
        return self._wind_up()

    def _read(self, reader: Reader) -> None:
        try:
            reader.run(self._between_pages)
        except BaseException as error:
            self._crash = error
            self._over.set()

    def _between_pages(self) -> bool:
        self._outlet.flush()
        return self._over.is_set()

    def _look(self) -> None:
        for mark in self._hangs.marks(self._clock.now_ns()):
            self._outlet.send(mark)
        if not self._asleep and self.cost.check():
            self._hand_over_cost()
        self._outlet.flush()

    def _hand_over_cost(self) -> None:
        page = self.cost.table.take()
        if page is not None:
            self._outlet.send(page)

    def _wind_up(self) -> bool:
        for reader in self._readers:
            reader.wake()
        until = time.monotonic() + JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        if self._crash is not None:
            raise self._crash
        stuck = [reader for reader, thread in zip(self._readers, self._threads, strict=True) if thread.is_alive()]
        for mark in Hangs(stuck).marks(self._clock.now_ns(), over=True):
            self._outlet.send(mark)
        self.cost.check(after_ns=NS // 10)
        self._hand_over_cost()
        return not stuck

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
            text = f"the sampler does not understand the command {line[:100].decode(errors='replace')!r}"
            self._outlet.send(Mark(kind=MarkKind.WARNING, t_ns=self._clock.now_ns(), text=text))
            return
        self._asleep = rate == 0
        for reader in self._readers:
            reader.ask(rate)
