"""Recovering: of a recording that was cut off or damaged a new one, with all that can be read and a proper end."""

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from engine.documents import Document, Mark, Page, Stop, encode
from engine.errors import RecordingError
from engine.ledger import Ledger, closed
from engine.recording.books import enter
from engine.recording.packing import create
from engine.recording.reader import Reader
from engine.recording.seal import sealed


@dataclass(frozen=True)
class Recovered:
    """The new recording `path`, how many documents it has of the old one, and why the old one ended there."""

    path: Path
    documents: int
    why: str


def recover(path: Path, out: Path) -> Recovered:
    """Write what can be read of the recording in `path` into the new file `out`; the old one is left as it is.

    Its stop says that it was cut off, has the status `fail`, and the figures of what is there. Raises RecordingError
    for a recording that is whole or has no start, and where `out` exists or cannot be written.
    """
    kept, why = _readable(path)
    if why is None:
        raise RecordingError(path, "is whole: there is nothing to recover")
    reason = f"recovered: {why}"

    def write(file: BinaryIO) -> None:
        ledger, digest, counts, newest = Ledger(), sha256(), Counter[str](), 0
        for number, document in enumerate(Reader(path), start=1):
            enter(ledger, document, path)
            newest = max(newest, _newest(document))
            if isinstance(document, Page):
                counts[document.stream] += len(document.t_ns)
            line = encode(document)
            digest.update(line)
            file.write(line)
            if number == kept:
                break
        stop = Stop(t_ns=newest, exit_status="fail", reason=reason, counts=dict(counts))
        file.write(encode(sealed(closed(ledger, stop), digest)))

    create(out, write)
    return Recovered(out, kept, reason)


def _readable(path: Path) -> tuple[int, str | None]:
    """How many documents can be read and entered before the stop, and why no more; None where it is whole."""
    reader, ledger, kept = Reader(path), Ledger(), 0
    try:
        for document in reader:
            if not isinstance(document, Stop):
                enter(ledger, document, path)
                kept += 1
    except RecordingError as error:
        if reader.start is None:
            raise
        where = f"line {error.line}: " if error.line is not None else ""
        return kept, f"{where}{error.problem}"
    if reader.start is None:
        raise RecordingError(path, "holds no documents")
    return kept, reader.cut_off


def _newest(document: Document) -> int:
    match document:
        case Page():
            return document.t_ns[-1] if document.t_ns else 0
        case Mark():
            return max(document.t_ns, document.end_t_ns or 0)
        case _:
            return 0
