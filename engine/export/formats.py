"""The formats by name, and where what they write goes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import engine.recording
from engine.errors import ExportError, PackageMissing
from engine.export.place import new_folder
from engine.recording import Recording

_OF_THE_EXTRA = {"numpy", "pyarrow", "perfetto", "google"}

LeftOut = list[str]
"""What could not be put into the format, in words."""


def export(files: Sequence[Path], form: str, out: Path) -> LeftOut:
    """Write the recordings in `files` (all formats but leaderboard take one) as `form` into the new folder `out`.

    Raises ExportError for what cannot be written, RecordingError for a file that is no recording, PackageMissing where
    the format needs one; then there is no `out`.
    """
    if len(files) != 1 and form != "leaderboard":
        raise ExportError(f"--format {form}", f"takes one recording, not {len(files)}; only leaderboard takes several")
    recordings = [engine.recording.open(file) for file in files]
    with new_folder(out) as folder:
        try:
            return FORMATS[form](recordings, folder)
        except ModuleNotFoundError as error:
            if (package := (error.name or "").partition(".")[0]) not in _OF_THE_EXTRA:
                raise
            raise PackageMissing(package, extra="export") from error


def _parquet(recordings: Sequence[Recording], folder: Path) -> LeftOut:
    recording = recordings[0]
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: recording.cut_off)  # which reads all of its bytes, while much is loaded here
        from engine.export.arrow import read_pages
        from engine.export.parquet import ParquetFile
        from engine.export.tabular import export_tables

    export_tables(recording, folder, ParquetFile, read_pages)
    return []


def _csv(recordings: Sequence[Recording], folder: Path) -> LeftOut:
    from engine.export.csv import CsvFile
    from engine.export.tabular import export_tables

    export_tables(recordings[0], folder, CsvFile)
    return []


def _perfetto(recordings: Sequence[Recording], folder: Path) -> LeftOut:
    from engine.export.perfetto import export_trace

    export_trace(recordings[0], folder)
    return []


def _openmetrics(recordings: Sequence[Recording], folder: Path) -> LeftOut:
    from engine.export.openmetrics import export_metrics

    export_metrics(recordings[0], folder)
    return []


def _llem(recordings: Sequence[Recording], folder: Path) -> LeftOut:
    from engine.export.llem import export_bundles

    return export_bundles(recordings[0], folder)


def _leaderboard(recordings: Sequence[Recording], folder: Path) -> LeftOut:
    from engine.export.leaderboard import export_leaderboard

    export_leaderboard(recordings, folder)
    return []


FORMATS: dict[str, Callable[[Sequence[Recording], Path], LeftOut]] = {
    "parquet": _parquet,
    "csv": _csv,
    "perfetto": _perfetto,
    "openmetrics": _openmetrics,
    "llem": _llem,
    "leaderboard": _leaderboard,
}
