"""What a check-up asks of the machine besides its power sensors and its network. Nothing is changed."""

import contextlib
import grp
import os
import resource
import shutil
from collections.abc import Iterable, Set
from pathlib import Path

import platformdirs

CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
DEVICES = Path("/dev")
PROCESSES = Path("/proc")
MEMINFO = Path("/proc/meminfo")


def device_nodes(folder: Path = DEVICES) -> list[Path]:
    """The NVIDIA driver's device files."""
    files = [folder / "nvidiactl", *sorted(folder.glob("nvidia[0-9]*")), folder / "nvidia-uvm"]
    return [file for file in files if file.exists()]


def refused_nodes(nodes: Iterable[Path]) -> dict[str, str]:
    """Those of `nodes` that this user may not open, each with the group that may ("": none)."""
    own = {os.getegid(), *os.getgroups()}
    closed = {str(node): node.stat() for node in nodes if not _may_open(node)}
    return {name: group_that_may(status.st_mode, status.st_gid, own) for name, status in closed.items()}


def _may_open(file: Path) -> bool:
    """Whether it can really be opened: a container's rules refuse what the file's own permissions allow."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
    except PermissionError:
        return False
    except OSError:
        return True  # busy, or no driver behind it: another finding
    return True


def group_that_may(mode: int, group: int, own: Set[int]) -> str:
    """The group that one has to join to read and write a file of this `mode` and `group`; "" when none would help."""
    if mode & 0o060 != 0o060 or group in {0, *own}:
        return ""
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return ""


def process_name(pid: int, folder: Path = PROCESSES) -> str | None:
    """What the process `pid` is called; None when it is not to be seen from here, as from another container."""
    try:
        return (folder / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def available_memory(file: Path = MEMINFO) -> int | None:
    """Bytes of main memory that programs could still have; None where the kernel does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in file.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def data_folder() -> Path:
    """Where recordings would go; it need not be there yet."""
    root = os.environ.get("WATTRACE_DATA")
    return Path(root) if root else platformdirs.user_data_path("wattrace")


def disk_room(folder: Path) -> tuple[int, bool]:
    """Free bytes where `folder` is or would be, and whether we may write there."""
    there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("/"))
    return shutil.disk_usage(there).free, there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def most_open_files() -> int | None:
    """How many files and sockets a process of this shell may hold open; None: as many as it likes."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def clock_source(file: Path = CLOCK_SOURCE) -> str | None:
    """What the kernel tells the time by; None where it does not say."""
    try:
        return file.read_text(encoding="ascii").strip() or None
    except OSError:
        return None
