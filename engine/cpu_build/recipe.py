"""How one part of the CPU engine is made, and when it is up to date."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.cpu_build.stamp import Part, Stamp
from engine.cpu_build.workshop import Workshop


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One part.

    Attributes: name (its path in the engine's folder), proof (a file below it that a finished part has),
    digest (of all that it is made from), free_bytes (disk that making it needs), make (makes it and returns
    the versions in it; raises BuildError), is_current (what more to ask of a finished part, or None).
    """

    name: str
    proof: str
    digest: str
    free_bytes: int
    make: Callable[[Workshop], Mapping[str, str]]
    is_current: Callable[[Part], bool] | None = None

    def is_done(self, folder: Path, stamp: Stamp) -> bool:
        """Whether the part in `folder` is finished and made from what it would be made from now."""
        part = stamp.parts.get(self.name)
        if part is None or part.digest != self.digest or not (folder / self.name / self.proof).exists():
            return False
        return self.is_current is None or self.is_current(part)
