"""Where the recordings are that this server may hand out: those of its own races, and the one that it replays."""

import re
from pathlib import Path

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Shelf:
    """Finds a run's recording in `folder`; `file` is the recording of the run that is being replayed."""

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        self.folder, self.file = folder, file

    def find(self, run: str, *, on_stage: bool) -> Path | None:
        """The recording of `run`; None when there is none. `on_stage`: that run is what the scene shows now."""
        if self.file is not None and on_stage:
            return self.file
        if not _RUN.fullmatch(run):  # no way out of the folder
            return None
        path = self.folder / "recordings" / f"{run}.jsonl"
        return path if path.is_file() else None
