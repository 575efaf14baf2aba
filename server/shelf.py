"""Where the recordings are, and which of them anybody may have: those of runs that were on a stage of this folder.

The folder has others too, of `wattrace run`, and those are the presenter's alone. Who was copying a run while it was on
stage may go on after a restart, so which these were stands in a small file.
"""

import re
from contextlib import suppress
from pathlib import Path

from engine.recording.lines import is_packed

_MOST_KNOWN = 1000
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Shelf:
    """Finds a run's recording in `folder`; `file` is the recording of the run that is being replayed."""

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        self.folder, self.file = folder, file
        self._staged = folder / "handed-out.txt"

    def find(self, run: str, *, on_stage: bool, trusted: bool = False) -> Path | None:
        """The recording of `run`; None when there is none, or none for whoever is not `trusted`.

        `on_stage`: that run is what the scene shows now.
        """
        if self.file is not None and on_stage:
            return None if is_packed(self.file) else self.file  # it is handed out line by line, as it stands
        if not _RUN.fullmatch(run):  # no way out of the folder
            return None
        path = self.folder / "recordings" / f"{run}.jsonl"
        if not path.is_file():
            return None
        if on_stage:
            self._remember(run)
        return path if on_stage or trusted or run in self._remembered() else None

    def _remembered(self) -> list[str]:
        try:
            return self._staged.read_text(encoding="utf-8").split()
        except OSError:
            return []

    def _remember(self, run: str) -> None:
        known = self._remembered()
        if run not in known:
            with suppress(OSError):  # a full disk: then the copy does not survive a restart
                self._staged.write_text("\n".join([*known[-_MOST_KNOWN:], run, ""]), encoding="utf-8")
