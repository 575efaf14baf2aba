"""Where an export goes: a new folder, whole or not at all."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.errors import ExportError


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to write into that becomes `out` at the end; after an error nothing is left of it.

    Raises ExportError where `out` is there already (an empty folder may be), or cannot be made.
    """
    if out.is_dir() and any(out.iterdir()):
        raise ExportError(out, "is there already and not empty; name a new folder with --out")
    if out.exists() and not out.is_dir():
        raise ExportError(out, "is there already and no folder; name a new folder with --out")
    draft: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        draft.chmod(0o755)
        yield draft
        draft.replace(out)
    except OSError as error:
        raise ExportError(out, f"cannot be written: {error.strerror or error}") from error
    finally:
        if draft is not None and draft.exists():
            shutil.rmtree(draft, ignore_errors=True)
