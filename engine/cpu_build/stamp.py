"""The stamp: which parts of the CPU engine are finished, and from what they were made.

It is `complete.json` in the engine's folder. A part is named by its path in that folder (`venv`,
`models/smollm2-135m`). A part is taken out of the stamp before it is touched and put back when it is whole,
so a build that was killed leaves no part that looks finished.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STAMP_FILE = "complete.json"
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Part:
    """A finished part: the digest of what it was made from, the versions in it, the seconds that it took."""

    digest: str
    versions: Mapping[str, str]
    seconds: float


@dataclasses.dataclass(frozen=True)
class Stamp:
    """The finished parts by name."""

    parts: Mapping[str, Part] = dataclasses.field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Stamp:
        """Read the stamp in `folder`; one that is missing, damaged or of another format counts as empty."""
        try:
            content: Any = json.loads((folder / STAMP_FILE).read_bytes())
            if content["format"] != FORMAT:
                return cls()
            return cls({name: Part(**part) for name, part in content["parts"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def save(self, folder: Path) -> None:
        """Replace the stamp in `folder` in one step. Raises OSError."""
        content = {
            "format": FORMAT,
            "parts": {name: dataclasses.asdict(part) for name, part in self.parts.items()},
        }
        fresh = folder / f"{STAMP_FILE}.part"
        fresh.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        fresh.replace(folder / STAMP_FILE)

    def including(self, name: str, part: Part) -> Stamp:
        """This stamp with `name` finished."""
        return Stamp({**self.parts, name: part})

    def excluding(self, name: str) -> Stamp:
        """This stamp without `name`."""
        return Stamp({key: part for key, part in self.parts.items() if key != name})


def digest(*inputs: bytes) -> str:
    """SHA-256 over the inputs, in hex; where one input ends and the next begins counts too."""
    state = hashlib.sha256()
    for content in inputs:
        state.update(len(content).to_bytes(8, "big"))
        state.update(content)
    return state.hexdigest()
