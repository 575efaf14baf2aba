"""The CPU's own energy counters (RAPL) through Linux's powercap files: energy of all packages, nothing else.

Intel and AMD both appear as `intel-rapl:N` with a `name` like package-0; `energy_uj` counts microjoules and
wraps at `max_energy_range_uj`. Since Linux 5.10 only root may read it (CVE-2020-8694), unless an
administrator allows it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from engine.errors import NoDevice
from engine.sources.source import Reading, SlowCall

POWERCAP = Path("/sys/class/powercap")
CPUINFO = Path("/proc/cpuinfo")
_ENERGY_ONLY = "RAPL counts energy and does not measure power"


class Package:
    """One CPU package's counter, unwrapped: it only ever rises."""

    def __init__(self, folder: Path) -> None:
        self.name = _text(folder / "name")
        self._file = folder / "energy_uj"
        self._range_uj = int(_text(folder / "max_energy_range_uj"))
        self._last_uj = self._total_uj = int(_text(self._file))

    def read_joules(self) -> float:
        """Energy since the counter's zero; right as long as it is read once a wrap (an hour or so)."""
        now_uj = int(_text(self._file))
        # The counter runs from 0 to its range and then starts again at 0.
        self._total_uj += (now_uj - self._last_uj) % (self._range_uj + 1)
        self._last_uj = now_uj
        return self._total_uj / 1_000_000


class RaplCpu:
    """All packages of this machine's CPU as one device."""

    kind = "rapl"
    index = 0

    def __init__(self, packages: Sequence[Package], model: str) -> None:
        self._packages = list(packages)
        names = [package.name for package in packages]
        self.device_id = "rapl:" + "+".join(names)
        self.device_name = model
        self.fast_columns: tuple[str, ...] = ("energy_joules",)
        self.slow_calls: tuple[SlowCall, ...] = ()
        self.unsupported: Mapping[str, str] = dict.fromkeys(
            ("power_instant_watts", "power_average_watts"), _ENERGY_ONLY
        )
        self.windows_ns: Mapping[str, int] = {}
        self.failure: str | None = None

    def read_fast(self) -> tuple[Reading, ...]:
        """The sum over all packages, or None if one of them cannot be read now."""
        try:
            joules = sum(package.read_joules() for package in self._packages)
        except (OSError, ValueError) as error:
            self.failure = str(error)
            return (None,)
        self.failure = None
        return (joules,)

    def provenance(self) -> dict[str, JsonValue]:
        """The CPU's name and which packages are counted."""
        packages: list[JsonValue] = [package.name for package in self._packages]
        return {"index": self.index, "name": self.device_name, "uuid": self.device_id, "packages": packages}

    def close(self) -> None:
        """Nothing is held open."""


def open_rapl(root: Path = POWERCAP, cpuinfo: Path = CPUINFO) -> RaplCpu:
    """The CPU whose powercap folders are in `root`.

    Raises NoDevice: this machine has no such counters (a virtual machine, another CPU), or we may not read
    them.
    """
    folders = sorted(folder for folder in root.glob("intel-rapl:*") if _is_package(folder))
    if not folders:
        raise NoDevice(
            f"the CPU offers no energy counter under {root}",
            remedy="virtual machines hide it; on a real machine, sudo modprobe intel_rapl_msr",
        )
    return RaplCpu([_open_package(folder) for folder in folders], _model(cpuinfo))


def _open_package(folder: Path) -> Package:
    try:
        return Package(folder)
    except PermissionError as error:
        energy = folder / "energy_uj"
        raise NoDevice(
            f"no permission to read {energy} (root only, since Linux 5.10)", remedy=f"sudo chmod a+r {energy}"
        ) from error
    except (OSError, ValueError) as error:
        raise NoDevice(f"the CPU's energy counter cannot be read: {error}", remedy="see dmesg") from error


def _is_package(folder: Path) -> bool:
    """Whether it counts a whole package: its parts (cores, DRAM) and psys would be counted twice."""
    try:
        return _text(folder / "name").startswith("package")
    except OSError:
        return False


def _model(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "CPU"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")


def _text(file: Path) -> str:
    return file.read_text(encoding="ascii").strip()
