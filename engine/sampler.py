"""The sampler: a process of its own that reads power on absolute deadlines and writes documents to stdout.

    python -P -m engine.sampler --source nvml|simulated|rapl --origin-ns N [--rate HZ] [--gpus 0,1] ...

The first line is ``{"provenance": {...}, "streams": [...]}``, then come a descriptor for each of those
streams and their pages; or one line ``{"error": {"kind", "what", "remedy"}}`` and exit status 3. It ends,
its last pages written, when its stdin is closed, and dies with its parent. Signals meant for a whole
terminal do not concern it.
"""

import argparse
import ctypes
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import orjson
from pydantic import JsonValue

from engine.clock import NS, Clock, MonotonicClock
from engine.documents import Descriptor, Mark, MarkKind, Page
from engine.errors import DeviceError
from engine.lanes import Lanes, Table
from engine.outlet import Outlet
from engine.sources import KINDS, Source, open_sources

RATES_HZ = range(10, 1001)
SLOW_HZ = 5
PAGE_SECONDS = 0.04
EXIT_NO_DEVICE = 3
DRAIN_SECONDS = 1.0
NICE = -10
_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK = 1, 29

Emit = Callable[[Descriptor | Page | Mark], None]


class SamplingLoop:
    """Reads `sources` at `rate_hz` by `clock` and hands descriptors, pages and marks to `emit`."""

    def __init__(self, sources: Sequence[Source], clock: Clock, emit: Emit, *, rate_hz: int = 100) -> None:
        self._clock, self._emit = clock, emit
        self.period_ns = NS // rate_hz
        self._page_ticks = max(1, round(rate_hz * PAGE_SECONDS))
        self._devices = [Lanes(source, clock) for source in sources]
        # One slow call a tick at most: with many devices on few ticks the lane gets slower, never the tick.
        self._slow_turns = [(lanes, call) for lanes in self._devices for call in lanes.source.slow_calls]
        self._slow_ticks = max(rate_hz // SLOW_HZ, len(self._slow_turns))
        self._own = Table("sampler", ["sampler_lateness_microseconds", "sampler_call_microseconds"])
        self._health = Health(self._devices, clock, emit)

    def describe(self) -> list[Descriptor]:
        """A descriptor for every stream, in the order in which they are to be written."""
        now, period = self._clock.now_ns(), self.period_ns
        slow = self._slow_ticks * period
        found = [d for lanes in self._devices for d in lanes.describe(t_ns=now, period_ns=period, slow_period_ns=slow)]
        own = self._own.describe(source="sampler", t_ns=now, period_ns=period)
        return [*found, own, self._health.table.describe(source="sampler", t_ns=now, period_ns=NS)]

    def run(self, ended: Callable[[], bool]) -> None:
        """Sample until `ended` says so, which is asked after every page."""
        due, tick = self._clock.now_ns() + self.period_ns, 0
        while True:
            self._clock.sleep_until(due)
            self._sample(due, tick)
            tick += 1
            if tick % self._page_ticks == 0:
                self._health.check()
                self._hand_over()
                if ended():
                    break
            due = next_deadline(due, self._clock.now_ns(), self.period_ns)
        self._health.check(after_ns=NS // 10)
        self._hand_over()

    def _sample(self, due_ns: int, tick: int) -> None:
        begun = self._clock.now_ns()
        call_ns = sum(lanes.read_fast() for lanes in self._devices)
        self._own.add(begun, ((begun - due_ns) / 1000, call_ns / 1000))
        turn = tick % self._slow_ticks
        if turn < len(self._slow_turns):
            lanes, call = self._slow_turns[turn]
            lanes.read_slow(call)

    def _hand_over(self) -> None:
        tables = [table for lanes in self._devices for table in (lanes.fast, lanes.slow)]
        for table in (*tables, self._own, self._health.table):
            page = table.take()
            if page is not None:
                self._emit(page)


class Health:
    """Once a second: what the sampler itself costs, and whether a device has fallen silent."""

    def __init__(self, devices: Sequence[Lanes], clock: Clock, emit: Emit) -> None:
        self.table = Table("sampler.process", ["sampler_cpu_percent"])
        self._devices, self._clock, self._emit = devices, clock, emit
        self._told: list[str | None] = [None] * len(devices)
        self._since_ns, self._cpu_ns = clock.now_ns(), time.process_time_ns()

    def check(self, after_ns: int = NS) -> None:
        """If `after_ns` have passed, add a row, and emit a mark where a device's failure began or ended."""
        now, cpu = self._clock.now_ns(), time.process_time_ns()
        if now - self._since_ns < after_ns:
            return
        self.table.add(now, (round(100 * (cpu - self._cpu_ns) / (now - self._since_ns), 3),))
        self._since_ns, self._cpu_ns = now, cpu
        for number, lanes in enumerate(self._devices):
            if lanes.source.failure != self._told[number]:
                self._told[number] = lanes.source.failure
                self._emit(_failure_mark(lanes, now))


def next_deadline(due_ns: int, now_ns: int, period_ns: int) -> int:
    """The deadline after `due_ns` on the same grid; after a stall, the newest of those missed."""
    due_ns += period_ns
    missed = max(0, now_ns - due_ns) // period_ns
    return due_ns + missed * period_ns


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sampler as the command line says; returns the exit status."""
    options = _parse(arguments)
    _detach_from_terminal_signals()
    _follow_parent(options.parent)
    priority = _take_priority()
    outlet = Outlet(sys.stdout.fileno())
    outlet.prepare()
    with ExitStack() as stack:
        try:
            clock = MonotonicClock(options.origin_ns)
            sources = open_sources(
                options.source, clock=clock, gpus=options.gpus, occupancy=options.occupancy, seed=options.seed
            )
        except DeviceError as error:
            refusal = {"kind": type(error).__name__, "what": error.what, "remedy": error.remedy}
            outlet.send_line(orjson.dumps({"error": refusal}, option=orjson.OPT_APPEND_NEWLINE))
            outlet.drain(DRAIN_SECONDS)
            return EXIT_NO_DEVICE
        for source in sources:
            stack.callback(source.close)
        # Nobody reads any more: the parent is gone, so there is nobody to tell either.
        with suppress(BrokenPipeError):
            _stream(sources, clock, outlet, options, priority)
    return 0


def _stream(
    sources: Sequence[Source], clock: Clock, outlet: Outlet, options: argparse.Namespace, priority: str
) -> None:
    loop = SamplingLoop(sources, clock, outlet.send, rate_hz=options.rate)
    descriptors = loop.describe()
    provenance = {
        "source": options.source,
        "simulated": options.source == "simulated",
        "rate_hz": options.rate,
        "scheduling": priority,
        "devices": [source.provenance() for source in sources],
    }
    hello = {"provenance": provenance, "streams": [descriptor.stream for descriptor in descriptors]}
    outlet.send_line(orjson.dumps(hello, option=orjson.OPT_APPEND_NEWLINE))
    for descriptor in descriptors:
        outlet.send(descriptor)
    outlet.flush()
    # What was imported stays for good: the collector need not walk it again between two deadlines.
    gc.collect()
    gc.freeze()
    loop.run(lambda: _between_pages(outlet))
    outlet.drain(DRAIN_SECONDS)


def _between_pages(outlet: Outlet) -> bool:
    """Let the pages go; True when the parent has closed our stdin (what it may write there is ignored)."""
    outlet.flush()
    try:
        return bool(select.select([0], [], [], 0)[0]) and not os.read(0, 4096)
    except OSError:
        # No stdin at all: nobody could ever end us otherwise.
        return True


def _failure_mark(lanes: Lanes, t_ns: int) -> Mark:
    stream, failure = lanes.fast.stream, lanes.source.failure
    data: dict[str, JsonValue] = {"stream": stream}
    if failure is None:
        return Mark(kind=MarkKind.NOTE, t_ns=t_ns, text=f"{stream} answers again", data=data)
    text = f"{stream} does not answer: {failure}; its readings are missing until it does"
    return Mark(kind=MarkKind.WARNING, t_ns=t_ns, text=text, data=data)


def _detach_from_terminal_signals() -> None:
    # Ctrl-C, a closed terminal and `timeout` signal the whole group. They concern the race, which still wants
    # our last pages when it winds up; our own end is the end of stdin.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _follow_parent(parent: int | None) -> None:
    """Die with the parent (Linux), and let the kernel wake us to the nanosecond, not to its usual 50 us."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        # It died before the line above: its signal will never come.
        raise SystemExit(0)


def _take_priority() -> str:
    """Ask to be woken before whoever is busy, as far as this user may; returns what was granted.

    On a machine whose cores are all busy, lateness is 10 ms at p99 without it, and under 0.3 ms with
    real-time scheduling. Who sleeps 99 % of the time takes nothing from anybody by that.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        return "real-time"
    except OSError:
        # Needs CAP_SYS_NICE, as does the next; a container usually grants neither.
        with suppress(OSError):
            os.nice(NICE)
            return "raised"
    return "normal"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="engine.sampler", description="Reads power; writes documents.")
    parser.add_argument("--source", choices=KINDS, required=True)
    parser.add_argument("--origin-ns", type=int, default=0, help="CLOCK_MONOTONIC at t = 0")
    parser.add_argument("--rate", type=int, default=100, metavar="HZ", help="samples a second, 10 to 1000")
    parser.add_argument("--gpus", type=lambda text: text.split(","), default=[], help="indices or UUIDs")
    parser.add_argument("--occupancy", type=Path, help="what simulated arms are doing")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated device")
    parser.add_argument("--parent", type=int, metavar="PID", help="end at once unless this is our parent")
    options = parser.parse_args(arguments)
    if options.rate not in RATES_HZ:
        parser.error(f"--rate {options.rate}: 10 to 1000 samples a second are possible")
    if options.origin_ns > time.monotonic_ns():
        parser.error(f"--origin-ns {options.origin_ns} is in the future")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
