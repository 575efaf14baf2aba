"""What a part is made with: the folder, the progress lines, and commands whose output is kept."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.cpu_build.diagnosis import explain

LOG_FILE = "build.log"
SCRATCH = "part"


@dataclasses.dataclass(frozen=True)
class Workshop:
    """One build at work in `folder`.

    Attributes: folder (absolute), say (prints a progress line), descriptors (inherited by every command, the
    lock among them).
    """

    folder: Path
    say: Callable[[str], None]
    descriptors: Sequence[int] = ()

    @property
    def scratch(self) -> Path:
        """A folder on the same disk for unfinished things, emptied before and after a build."""
        return self.folder / SCRATCH

    @property
    def log(self) -> Path:
        """The file with the output of every command of the build."""
        return self.folder / LOG_FILE

    def run(self, command: Sequence[str | Path], step: str, *, check: bool = True) -> None:
        """Run a command, its output in the log; `step` says what it is for.

        Raises BuildError, with the cause if its output tells it, when it fails and `check` is true.
        """
        with self.log.open("ab") as log:
            log.write(f"--- {step}: {' '.join(str(word) for word in command)}\n".encode())
            log.flush()
            start = log.tell()
            finished = subprocess.run(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=self.descriptors,
                check=False,
            )
        if check and finished.returncode != 0:
            with self.log.open("rb") as log:
                log.seek(start)
                output = log.read().decode(errors="replace")
            raise explain(output, step=step, code=finished.returncode, log=self.log)
