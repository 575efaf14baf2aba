"""Recordings: documents to and from a file, one JSON line each.

`open(path)` gives a `Recording`: start, stop, descriptors, marks, and its samples, requests and rounds as tables.
"""

from engine.recording.books import read_ledger
from engine.recording.checking import check
from engine.recording.findings import Report
from engine.recording.opening import open_recording as open
from engine.recording.packing import pack
from engine.recording.reader import Reader
from engine.recording.recorder import Recorder
from engine.recording.recording import Recording
from engine.recording.recovering import recover
from engine.recording.space import SpaceWatch, free_bytes
from engine.recording.table import Table

__all__ = [
    "Reader",
    "Recorder",
    "Recording",
    "Report",
    "SpaceWatch",
    "Table",
    "check",
    "free_bytes",
    "open",
    "pack",
    "read_ledger",
    "recover",
]
