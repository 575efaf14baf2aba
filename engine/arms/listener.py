"""Who listens on a TCP port of this machine, as /proc tells it."""

import contextlib
from pathlib import Path

_LISTEN = "0A"


def listeners(port: int, proc: Path = Path("/proc")) -> set[int]:
    """Processes that listen on `port`; those of other users (a container's, say) cannot be seen, and are missing."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _inodes(proc / "net" / table, port)}
    if not sockets:
        return set()
    return {int(folder.name) for folder in proc.glob("[0-9]*") if _holds(folder / "fd", sockets)}


def _inodes(table: Path, port: int) -> set[str]:
    """Inodes of listening sockets on `port` (columns 1, 3 and 9: local address, state, inode)."""
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return set()
    rows = (line.split() for line in lines)
    return {row[9] for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port}


def _holds(descriptors: Path, sockets: set[str]) -> bool:
    with contextlib.suppress(OSError):
        for descriptor in descriptors.iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) in sockets:
                    return True
    return False
