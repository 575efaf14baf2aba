"""Where the recordings are, and which of them anybody may have: those of runs that were on a stage of this folder.

The folder has others too, of `wattrace run`, and those are the presenter's alone. Who was copying a run while it was on
stage may go on after a restart, so which these were stands in a small file.
"""

import re
import threading
from contextlib import suppress
from pathlib import Path

from engine.recording.lines import is_packed

_MOST_KNOWN = 1000
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Shelf:
    """Finds a run's recording in `folder`; `file` is the recording of the run that is being replayed.

    Recorders ask from several threads at once.
    """

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        self.folder, self.file = folder, file
        self._staged = folder / "handed-out.txt"
        self._known: list[str] = []
        self._lock = threading.Lock()

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
        return path if on_stage or trusted or self._remembers(run) else None

    def _remembers(self, run: str) -> bool:
        with self._lock:
            return run in self._known or run in self._written()

    def _remember(self, run: str) -> None:
        with self._lock:
            if run in self._known:
                return
            # What stands there may be another server's, which has the same folder.
            self._known = list(dict.fromkeys([*self._written(), *self._known, run]))[-_MOST_KNOWN:]
            part = self._staged.with_name(f".{self._staged.name}.part")
            with suppress(OSError):  # a full disk: then the copy does not survive a restart
                part.write_text("\n".join([*self._known, ""]), encoding="utf-8")
                part.replace(self._staged)

    def _written(self) -> list[str]:
        try:
            return self._staged.read_text(encoding="utf-8").split()
        except OSError:
            return []
