"""Occupancy: what simulated arms are computing right now, in a small memory-mapped file.

Each simulated arm writes one slot, a simulated GPU reads those of its own arms: so its watts follow what they really
do, across processes and without a call. A slot is guarded by a sequence number that is odd while it is being written.
Which GPUs an arm is on stands beside its slot, from the file's beginning to its end; so does who has written it, which
is the process that computes there.
"""

import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SLOTS = 8
_SLOT = struct.Struct("=QIIdd")
_WRITER = struct.Struct("=I")
_WRITER_AT = 32
_HELD = struct.Struct("=Q")
_HELD_AT = 40
_GPUS = struct.Struct("=Q")
_GPUS_AT = 48
_SLOT_BYTES = 64


class Load(NamedTuple):
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
    def create(cls, path: Path, gpus: Sequence[Sequence[int]] = ()) -> "Occupancy":
        """Make the file with every slot idle, and open it; `gpus` says of each slot on which (0 to 63) its arm is.

        Without `gpus` every slot is on GPU 0.
        """
        path.write_bytes(bytes(SLOTS * _SLOT_BYTES))
        occupancy = cls(path)
        for slot in range(SLOTS):
            own = [0] if not gpus else gpus[slot] if slot < len(gpus) else []
            occupancy.place(slot, own)
        return occupancy

    def place(self, slot: int, gpus: Sequence[int]) -> None:
        """Say on which GPUs the arm of `slot` is, before it writes anything."""
        _GPUS.pack_into(self._map, slot * _SLOT_BYTES + _GPUS_AT, sum(1 << gpu for gpu in set(gpus)))

    def slots_of(self, gpu: int) -> list[int]:
        """The slots of the arms that are on `gpu`."""
        masks = [_GPUS.unpack_from(self._map, slot * _SLOT_BYTES + _GPUS_AT)[0] for slot in range(SLOTS)]
        return [slot for slot, mask in enumerate(masks) if mask >> gpu & 1]

    @property
    def gpus(self) -> list[int]:
        """Every GPU that some slot is on."""
        return [gpu for gpu in range(64) if self.slots_of(gpu)]

    def write(self, slot: int, load: Load) -> None:
        """Publish `load` in `slot`; only one process writes a slot."""
        at = slot * _SLOT_BYTES
        self._sequence[slot] += 2
        sequence = self._sequence[slot]
        _WRITER.pack_into(self._map, at + _WRITER_AT, os.getpid())
        fields = (load.running, load.prefilling, load.memory_share, load.compute_share)
        _SLOT.pack_into(self._map, at, sequence - 1, *fields)
        _SLOT.pack_into(self._map, at, sequence, *fields)

    def hold(self, slot: int, held_bytes: int) -> None:
        """Publish how much of its GPUs' memory the arm of `slot` holds."""
        _HELD.pack_into(self._map, slot * _SLOT_BYTES + _HELD_AT, held_bytes)

    def held_bytes(self, gpu: int = 0) -> int:
        """How much of the memory of `gpu` its arms hold."""
        slots = self.slots_of(gpu)
        return sum(int(_HELD.unpack_from(self._map, slot * _SLOT_BYTES + _HELD_AT)[0]) for slot in slots)

    def read(self, slot: int) -> Load:
        """The newest whole `Load` in `slot` (a torn read is tried again, at most eight times)."""
        at = slot * _SLOT_BYTES
        for _ in range(8):
            before, *fields = _SLOT.unpack_from(self._map, at)
            after = struct.unpack_from("=Q", self._map, at)[0]
            if before == after and before % 2 == 0:
                break
        return Load(*fields)

    def read_all(self, slots: Sequence[int] = range(SLOTS)) -> list[Load]:
        """The loads of `slots`, idle ones included."""
        return [self.read(slot) for slot in slots]

    def raw(self) -> bytes:
        """The whole file as it is now; as long as that is the same, so is everything in it."""
        return self._map[:]

    def writers(self, slots: Sequence[int] = range(SLOTS)) -> list[int]:
        """The process ids of those who have written one of `slots` and are still there, each once."""
        found = {_WRITER.unpack_from(self._map, slot * _SLOT_BYTES + _WRITER_AT)[0] for slot in slots}
        return sorted(pid for pid in found if pid and Path(f"/proc/{pid}").exists())

    def close(self) -> None:
        """Unmap the file; the file itself stays."""
        self._map.close()
