"""Occupancy: what simulated arms are computing right now, in a small memory-mapped file.

Each simulated arm writes one slot, the simulated GPU reads them all: so its watts follow what the arms really do,
across processes and without a call. A slot is guarded by a sequence number that is odd while it is being written.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

SLOTS = 8
_SLOT = struct.Struct("=QIIdd")
_SLOT_BYTES = 64


@dataclass(frozen=True)
class Load:
    """What one arm does to its GPU: requests in the batch, and the shares (0 to 1) of the GPU it keeps busy."""

    running: int = 0
    prefilling: int = 0
    memory_share: float = 0.0
    compute_share: float = 0.0


class Occupancy:
    """The shared slots in the file `path`, which the race creates with `Occupancy.create`."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SLOTS * _SLOT_BYTES)
        self._sequence = [0] * SLOTS

    @classmethod
    def create(cls, path: Path) -> "Occupancy":
        """Make the file with every slot idle, and open it."""
        path.write_bytes(bytes(SLOTS * _SLOT_BYTES))
        return cls(path)

    def write(self, slot: int, load: Load) -> None:
        """Publish `load` in `slot`; only one process writes a slot."""
        at = slot * _SLOT_BYTES
        self._sequence[slot] += 2
        sequence = self._sequence[slot]
        fields = (load.running, load.prefilling, load.memory_share, load.compute_share)
        _SLOT.pack_into(self._map, at, sequence - 1, *fields)
        _SLOT.pack_into(self._map, at, sequence, *fields)

    def read(self, slot: int) -> Load:
        """The newest whole `Load` in `slot` (a torn read is tried again, at most eight times)."""
        at = slot * _SLOT_BYTES
        for _ in range(8):
            before, *fields = _SLOT.unpack_from(self._map, at)
            after = struct.unpack_from("=Q", self._map, at)[0]
            if before == after and before % 2 == 0:
                break
        return Load(*fields)

    def read_all(self) -> list[Load]:
        """Every slot's load, idle ones included."""
        return [self.read(slot) for slot in range(SLOTS)]

    def close(self) -> None:
        """Unmap the file; the file itself stays."""
        self._map.close()
