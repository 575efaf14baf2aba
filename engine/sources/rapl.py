"""The CPU's own energy counters (RAPL) through Linux's powercap files: all packages, and their memory.

Intel and AMD both appear as `intel-rapl:N` with a `name` like package-0, memory as `intel-rapl:N:M` called
dram; `energy_uj` counts microjoules and wraps at `max_energy_range_uj`; a suspend may set it to zero. Since Linux
5.10 only root may read it (CVE-2020-8694), unless an administrator allows it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from engine.errors import NoDevice
from engine.sources.source import Answer, ProcessCall, Reading, SlowCall

POWERCAP = Path("/sys/class/powercap")
CPUINFO = Path("/proc/cpuinfo")
_ENERGY_ONLY = "RAPL counts energy and does not measure power"

Clock = Callable[[], float]
"""Seconds, as they pass while the machine is awake."""

_MOST_WATTS = 2000.0
"""More than any package or its memory draws."""

_JITTER_SECONDS = 0.1
"""The counter is renewed every millisecond or so, and not quite when it was read."""


class Domain:
    """One counter of a package or of its memory, unwrapped: it only falls when the counter was reset."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self.name = _text(folder / "name")
        self._file = folder / "energy_uj"
        self._range_uj = int(_text(folder / "max_energy_range_uj"))
        self._last_uj = self._total_uj = int(_text(self._file))
        self._last_seconds = clock()

    def read_joules(self) -> float:
        """Energy since the counter's zero; right as long as it is read once a wrap (an hour or so)."""
        now_uj, now_seconds = int(_text(self._file)), self._clock()
        # The counter runs from 0 to its range and then starts again at 0.
        risen_uj = (now_uj - self._last_uj) % (self._range_uj + 1)
        if now_uj < self._last_uj and risen_uj > self._most_uj(now_seconds - self._last_seconds):
            self._total_uj = now_uj  # nobody knows what went: readers see it fall, and say so
        else:
            self._total_uj += risen_uj
        self._last_uj, self._last_seconds = now_uj, now_seconds
        return self._total_uj / 1_000_000

    def _most_uj(self, seconds: float) -> float:
        return _MOST_WATTS * (seconds + _JITTER_SECONDS) * 1_000_000


class RaplCpu:
    """All packages of this machine's CPU as one device, and the memory on their channels where it is counted.

    `dram` are the memory's domains, or the reason why they are not read.
    """

    kind = "rapl"
    index = 0

    def __init__(self, packages: Sequence[Domain], dram: Sequence[Domain] | str, model: str) -> None:
        names = [package.name for package in packages]
        self._packages = names
        self.device_id = "rapl:" + "+".join(names)
        self.device_name = model
        self._domains = {"energy_joules": packages}
        self.slow_calls: tuple[SlowCall, ...] = ()
        self.process_call: ProcessCall | None = None
        refused = dict.fromkeys(("power_instant_watts", "power_average_watts"), _ENERGY_ONLY)
        if isinstance(dram, str):
            refused["dram_energy_joules"] = dram
        else:
            self._domains["dram_energy_joules"] = dram
        self.fast_columns: tuple[str, ...] = tuple(self._domains)
        self.unsupported: Mapping[str, str] = refused
        self.windows_ns: Mapping[str, int] = {}
        self.notes: tuple[str, ...] = ()
        self.failure: str | None = None

    def read_fast(self) -> Answer:
        """For each column the sum over its domains, or why one of them cannot be read now."""
        return [_sum(domains) for domains in self._domains.values()]

    def readings(self, answer: Answer) -> tuple[Reading, ...]:
        """For each column its joules, if all of its domains could be read."""
        self.failure = next((each for each in answer if isinstance(each, str)), None)
        return tuple([None if isinstance(each, str) else each for each in answer])

    def provenance(self) -> dict[str, JsonValue]:
        """The CPU's name, which packages are counted, and whether their memory is."""
        packages: list[JsonValue] = [*self._packages]
        facts: dict[str, JsonValue] = {"index": self.index, "name": self.device_name, "uuid": self.device_id}
        return {**facts, "packages": packages, "dram": "dram_energy_joules" in self._domains, "scope": "packages"}

    def close(self) -> None:
        """Nothing is held open."""


def _sum(domains: Sequence[Domain]) -> float | str:
    try:
        return sum(domain.read_joules() for domain in domains)
    except (OSError, ValueError) as error:
        return str(error)


def open_rapl(root: Path = POWERCAP, cpuinfo: Path = CPUINFO, *, clock: Clock = time.monotonic) -> RaplCpu:
    """The CPU whose powercap folders are in `root`.

    Raises NoDevice: this machine has no such counters (a virtual machine, another CPU), or we may not read
    them. Memory that cannot be read is no error, and said in `unsupported`.
    """
    folders = _named(root, "package")
    if not folders:
        raise NoDevice(
            f"the CPU offers no energy counter under {root}",
            remedy="virtual machines hide it; on a real machine, sudo modprobe intel_rapl_msr",
        )
    packages = [_open_domain(folder, clock) for folder in folders]
    return RaplCpu(packages, _open_dram(root, clock), _model(cpuinfo))


def _open_dram(root: Path, clock: Clock) -> list[Domain] | str:
    """The memory's domains, all of them, or why there are none."""
    folders = _named(root, "dram")
    if not folders:
        return "the CPU counts no energy of its memory (server CPUs of Intel do)"
    try:
        return [_open_domain(folder, clock) for folder in folders]
    except NoDevice as error:
        return str(error)


def _open_domain(folder: Path, clock: Clock) -> Domain:
    try:
        return Domain(folder, clock)
    except PermissionError as error:
        energy = folder / "energy_uj"
        raise NoDevice(
            f"no permission to read {energy} (root only, since Linux 5.10)", remedy=f"sudo chmod a+r {energy}"
        ) from error
    except (OSError, ValueError) as error:
        raise NoDevice(f"the CPU's energy counter cannot be read: {error}", remedy="see dmesg") from error


def _named(root: Path, kind: str) -> list[Path]:
    """The domains called `kind` or `kind-N`. Packages hold cores and uncore, and psys holds the packages."""
    return sorted(folder for folder in root.glob("intel-rapl:*") if _name(folder).partition("-")[0] == kind)


def _name(folder: Path) -> str:
    try:
        return _text(folder / "name")
    except OSError:
        return ""


def _model(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "CPU"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")


def _text(file: Path) -> str:
    return file.read_text(encoding="ascii").strip()
