"""Recordings in files, as runs leave them: for the tests of everything that reads files."""

from collections.abc import Iterable
from pathlib import Path

from story import story

from engine.documents import Document, Stop
from engine.ledger import Ledger, closed
from engine.recording import Recorder


def recorded(path: Path, documents: Iterable[Document] | None = None) -> Path:
    """Write the documents, by default the story's, as a run does: a stop gets counts, figures and seal."""
    ledger = Ledger()
    with Recorder(path) as recorder:
        for document in story() if documents is None else documents:
            if isinstance(document, Stop):
                told = closed(ledger, document.model_copy(update={"counts": dict(recorder.counts)}))
                recorder(recorder.sealed(told))
            else:
                ledger.add(document)
                recorder(document)
    return path
