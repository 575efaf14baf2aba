"""The sampler: a process of its own that reads power on absolute deadlines and writes documents to stdout.

    python -P -m engine.sampler --source nvml|simulated|rapl --origin-ns N [--rate HZ] [--gpus 0,1] ...

The first line is ``{"provenance": {...}, "streams": [...]}``, then come a descriptor for each of those
streams and their pages and marks (a device that answers late has its descriptors among them); or one line
``{"error": {"kind", "what", "remedy"}}`` and exit status 3. It ends, its last pages written, when its stdin is
closed, and dies with its parent. While it runs, a line ``{"rate": HZ}`` on stdin changes the rate, and
``{"rate": 0}`` lets it sleep. Signals meant for a whole terminal do not concern it.
"""

import argparse
import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import orjson

from engine.clock import NS, Clock, MonotonicClock
from engine.documents import Descriptor
from engine.errors import DeviceError
from engine.sampler.deadlines import RATES_HZ, phase_walk
from engine.sampler.openings import Opening
from engine.sampler.outlet import Outlet
from engine.sampler.reader import Reader
from engine.sampler.supervisor import Supervisor
from engine.sources import KINDS, find_sources
from engine.sources.patience import settle

EXIT_NO_DEVICE = 3
DRAIN_SECONDS = 1.0
NICE = -10
SWITCH_SECONDS = 0.0002
_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK = 1, 29


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sampler as the command line says; returns the exit status."""
    options = _parse(arguments)
    _detach_from_terminal_signals()
    _follow_parent(options.parent)
    priority = _take_priority()
    outlet = Outlet(sys.stdout.fileno())
    outlet.prepare()
    clock = MonotonicClock(options.origin_ns)
    try:
        openings = _openings(options, clock, outlet)
        settle([opening.opened for opening in openings])
        late = [opening for opening in openings if not opening.answers]
        if options.gpus or len(late) == len(openings):
            late = [opening for opening in late if not opening.opened.done()]  # who refuses is asked below, and raises
        readers = {each.name: each.reader(options.rate) for each in openings if each not in late}
    except DeviceError as error:
        refusal = {"kind": type(error).__name__, "what": error.what, "remedy": error.remedy}
        outlet.send_line(orjson.dumps({"error": refusal}, option=orjson.OPT_APPEND_NEWLINE))
        outlet.drain(DRAIN_SECONDS)
        # Other devices may still be inside their driver, which would keep us: the driver lets go by itself.
        os._exit(EXIT_NO_DEVICE)
    supervisor = Supervisor(list(readers.values()), clock, outlet, late=late, rate_hz=options.rate)
    # Nobody reads any more: the parent is gone, so there is nobody to tell either.
    with suppress(BrokenPipeError):
        _greet(openings, readers, supervisor, clock, outlet, options, priority)
        ended = supervisor.run()
        outlet.drain(DRAIN_SECONDS)
        if not ended:
            # A thread is inside the driver, and would keep us there: in a close, or at Python's own end.
            os._exit(0)
    for reader in supervisor.readers:
        reader.lanes.source.close()
    return 0


def _openings(options: argparse.Namespace, clock: Clock, outlet: Outlet) -> list[Opening]:
    """Every device, being opened; raises NoDevice when there is none."""
    found = find_sources(options.source, clock=clock, gpus=options.gpus, occupancy=options.occupancy, seed=options.seed)
    return [
        Opening(
            candidate,
            clock,
            outlet.send,
            own_stream="sampler" if number == 0 else f"sampler.gpu{candidate.index}",
            share=(number + 1) / len(found),
        )
        for number, candidate in enumerate(found)
    ]


def _greet(
    openings: Sequence[Opening],
    readers: Mapping[str, Reader],
    supervisor: Supervisor,
    clock: Clock,
    outlet: Outlet,
    options: argparse.Namespace,
    priority: str,
) -> None:
    """Send the first line and the descriptors, and be ready for steady work."""
    descriptors: list[Descriptor] = []
    for opening in openings:
        reader = readers.get(opening.name)
        descriptors += [opening.describe()] if reader is None else reader.describe()
    descriptors.append(supervisor.cost.table.describe(source="sampler", t_ns=clock.now_ns(), period_ns=NS))
    provenance = {
        "source": options.source,
        "simulated": options.source == "simulated",
        "rate_hz": options.rate,
        "phase_walk": phase_walk(),
        "scheduling": priority,
        "devices": [opening.facts(readers.get(opening.name)) for opening in openings],
    }
    hello = {"provenance": provenance, "streams": [descriptor.stream for descriptor in descriptors]}
    outlet.send_line(orjson.dumps(hello, option=orjson.OPT_APPEND_NEWLINE))
    for descriptor in descriptors:
        outlet.send(descriptor)
    outlet.flush()
    # What was imported stays for good: the collector need not walk it again between two deadlines.
    gc.collect()
    gc.freeze()
    # A reader that wakes while another writes its page need not wait longer than a deadline may be late.
    sys.setswitchinterval(SWITCH_SECONDS)


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
