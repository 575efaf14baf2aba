"""Moments of a recording: what everything up to any time came to, without reading it all again each time.

A fold takes documents one after the other. Copies of it are kept along the way, so that a moment is made from the
copy before it and the few documents between the two. It comes out as if the recording had been played up to there.
"""

import pickle
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

import orjson
from backports import zstd

from engine.clock import NS
from engine.documents import Document, Mark, Page, Stop
from engine.recording.lines import read_lines
from engine.recording.reader import decode_line

MOST_KEPT = 128
FIRST_STEP = 1000
"""Documents between two copies that are kept; it doubles whenever there would be too many of them."""
_ROUND_BEGIN = b'"round_begin"'
_WITHIN_NS = NS // 20
"""A mark is told a moment after the time that it tells of: steps land so much within the round."""


class Fold(Protocol):
    """What documents come to. It has to survive being pickled."""

    def add(self, document: Document, now_ns: int) -> None:
        """Enter one document that has arrived at `now_ns`."""

    def settle(self) -> None:
        """Do what has been put off: the fold is about to be copied."""


@dataclass(frozen=True)
class Moment:
    """A fold of the first `documents` documents, the latest of which happened at `t_ns`; `thawed` unpacks it."""

    t_ns: int
    documents: int
    fold: bytes
    stopped: bool = False
    """Whether the run's `stop` is among them."""


@dataclass(frozen=True)
class Reel:
    """How long a recording is, and when its rounds begin, in nanoseconds of its clock."""

    duration_ns: int
    rounds: tuple[int, ...]

    def step(self, here_ns: int, *, forward: bool) -> int:
        """Where the next round begins; or this one, and the one before it from within its first second."""
        begins = (begun + _WITHIN_NS for begun in (self.rounds if forward else reversed(self.rounds)))
        if forward:
            return next((begun for begun in begins if begun > here_ns), self.duration_ns)
        return next((begun for begun in begins if begun < here_ns - NS), 0)


class _Front:
    """The farthest that the recording has been read, document by document."""

    def __init__(self, path: Path, moment: Moment | None, fold: Fold) -> None:
        self.fold = fold
        self.t_ns, self.documents = (moment.t_ns, moment.documents) if moment else (0, 0)
        self.stopped = False
        self._source = documents_after(path, self.documents)
        self._coming = next(self._source, None)

    @property
    def ended(self) -> bool:
        return self._coming is None

    def step(self, t_ns: int) -> bool:
        """Enter the next document, if there is one that happened by `t_ns`."""
        if self._coming is None or (after := max(self.t_ns, happened_ns(self._coming))) > t_ns:
            return False
        self.fold.add(self._coming, 0)
        self.t_ns, self.documents, self.stopped = after, self.documents + 1, isinstance(self._coming, Stop)
        self._coming = next(self._source, None)
        return True


class Moments:
    """Moments of the recording `path`; `begin` makes an empty fold. Every method may be called from any thread."""

    def __init__(self, path: Path, begin: Callable[[], Fold]) -> None:
        self.path = path
        self._begin = begin
        self._lock = threading.Lock()
        self._front: _Front | None = None
        self._kept: list[Moment] = []
        self._step = FIRST_STEP

    def at(self, t_ns: int) -> Moment:
        """Everything that had happened by `t_ns`. Raises RecordingError."""
        with self._lock:
            front = self._reached()
            if front.t_ns <= t_ns:
                self._advance(front, t_ns)
                return _moment(front)
            front = self._copied(t_ns)
            while front.step(t_ns):
                pass
            return _moment(front)

    def explore(self, documents: int) -> bool:
        """Read so many documents ahead, so that later moments are near; False when all have been read."""
        with self._lock:
            front = self._reached()
            self._advance(front, 2**63, documents)
            return not front.ended

    def _reached(self) -> _Front:
        self._front = self._front or _Front(self.path, None, self._begin())
        return self._front

    def _advance(self, front: _Front, t_ns: int, most: int | None = None) -> None:
        until = None if most is None else front.documents + most
        while front.documents != until and front.step(t_ns):
            if front.documents % self._step == 0:
                self._keep(_moment(front))

    def _keep(self, moment: Moment) -> None:
        self._kept.append(moment)
        if len(self._kept) > MOST_KEPT:
            self._step *= 2
            self._kept = [kept for kept in self._kept if kept.documents % self._step == 0]

    def _copied(self, t_ns: int) -> _Front:
        """The nearest copy before `t_ns`, ready to be read on from."""
        at = bisect_right(self._kept, t_ns, key=attrgetter("t_ns"))
        near = self._kept[at - 1] if at else None
        return _Front(self.path, near, thawed(near.fold) if near else self._begin())


def _moment(front: _Front) -> Moment:
    front.fold.settle()
    fold = zstd.compress(pickle.dumps(front.fold, pickle.HIGHEST_PROTOCOL), 1)
    return Moment(front.t_ns, front.documents, fold, front.stopped)


def thawed(fold: bytes) -> Any:
    """The fold of a moment. Only of one's own child: unpickling what a stranger sends is running what he wrote."""
    return pickle.loads(zstd.decompress(fold))


def documents_after(path: Path, skipped: int) -> Iterator[Document]:
    """The whole documents of a recording but for the first `skipped`, which stay unread. Raises RecordingError."""
    for number, line in enumerate(read_lines(path), start=1):
        if number > skipped and line.endswith(b"\n"):
            yield decode_line(line, path=path, number=number)


def reel(path: Path) -> Reel:
    """Look through the recording without reading each document. Raises RecordingError."""
    rounds: list[int] = []
    last, count = b"", 0
    for line in read_lines(path):
        if line.endswith(b"\n"):
            last, count = line, count + 1
            if _ROUND_BEGIN in line and (fields := orjson.loads(line)).get("kind") == "round_begin":
                rounds.append(int(fields["t_ns"]))
    duration = happened_ns(decode_line(last, path=path, number=count)) if last else 0
    return Reel(max([duration, *rounds]), tuple(rounds))


def happened_ns(document: Document) -> int:
    """When a document came to be, on the run's clock: 0 for the start."""
    match document:
        case Page():
            return document.t_ns[-1] if document.t_ns else 0
        case Mark():
            return document.end_t_ns or document.t_ns
        case Stop():
            return document.t_ns
        case _:
            return getattr(document, "t_ns", 0)
