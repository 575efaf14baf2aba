"""The ledger of a recording: all its documents, entered."""

from pathlib import Path

from engine.documents import Document
from engine.errors import RecordingError
from engine.ledger import Ledger
from engine.recording.reader import Reader


def enter(ledger: Ledger, document: Document, path: Path) -> None:
    """Enter a document. Raises RecordingError for numbers that nothing can be worked out from."""
    try:
        ledger.add(document)
    except (ArithmeticError, ValueError, TypeError, LookupError) as error:
        problem = f"no figures can be worked out from its numbers ({type(error).__name__}: {error})"
        raise RecordingError(path, problem) from error


def read_ledger(path: Path) -> tuple[Ledger, str | None]:
    """The ledger of the recording in `path`, and why it is not whole (None if it is)."""
    ledger, reader = Ledger(), Reader(path)
    for document in reader:
        enter(ledger, document, path)
    if ledger.start is None:
        raise RecordingError(path, "holds no documents" + (": it was cut off in its first line" * reader.broken_tail))
    return ledger, reader.cut_off
