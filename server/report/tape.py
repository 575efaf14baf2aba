"""A race as its viewers saw it, small enough to be sent along: frames now and then, and the curve of its power.

The frames are made by the very scene that makes those of the live page. Tables are not made of them, but of the ledger.
"""

import os
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from engine.clock import NS
from engine.documents import Document, Mark, MarkKind
from engine.ledger import Ledger
from engine.moments import happened_ns
from engine.recording import Reader
from server.buckets import Bucket, columns
from server.scene import Scene
from server.stageinfo import ReplayInfo

FRAME_NS = NS // 4
BUCKET_NS = NS // 20
MOST_FRAMES = 2400
MOST_BUCKETS = 12_000
OVERVIEW_POINTS = 900
_LEAD_NS = 3 * NS
_LEFT_OUT = ("power", "powers", "sensor", "show")


class Tape:
    """Takes a run's documents in order; of a long run it keeps fewer frames a second."""

    def __init__(self, file: str) -> None:
        self._scene = Scene(period_ns=BUCKET_NS, replay=ReplayInfo(file))
        self._frames: list[dict[str, Any]] = []
        self._period_ns, self._due_ns = FRAME_NS, FRAME_NS
        self._now_ns = 0
        self._first_ns: int | None = None

    @property
    def ledger(self) -> Ledger:
        """The books of the run."""
        return self._scene.ledger

    def add(self, document: Document) -> None:
        """Enter one document; frames that were due before it are taken first."""
        happened = max(self._now_ns, happened_ns(document))
        if happened >= self._due_ns:
            # Through a silence one frame is enough: the page holds it.
            self._take(self._due_ns)
            self._due_ns = (happened // self._period_ns + 1) * self._period_ns
        self._now_ns = happened
        self._scene.add(document, happened)
        if self._first_ns is None and isinstance(document, Mark) and _opens(document):
            self._first_ns = document.t_ns

    def end(self, whole: bool) -> None:
        """Nothing comes any more: the last frame shows how it ended."""
        if not whole:
            self._scene.end(None)
        self._take(self._now_ns)

    @property
    def span_ns(self) -> tuple[int, int]:
        """From shortly before the first thing worth seeing, to the end."""
        return max(0, (self._first_ns or 0) - _LEAD_NS), self._now_ns

    def overview(self, arm: str | None = None) -> list[Bucket]:
        """The power of the whole race, in about as many points as a screen is wide."""
        return self._scene.powers.between(*self.span_ns, OVERVIEW_POINTS, arm)

    def content(self) -> bytes:
        """JSON of all that the page replays."""
        begin, end = self.span_ns
        points = min(MOST_BUCKETS, max(1, (end - begin) // BUCKET_NS))
        run = self._scene.run_info() or {}
        apart = [arm["label"] for arm in run["arms"]] if run["schedule"]["mode"] == "parallel" else []
        powers = {label: columns(self._scene.powers.between(begin, end, points, label)) for label in apart}
        return orjson.dumps(
            {
                "run": run,
                "begin": begin,
                "end": end,
                "frames": [frame for frame in self._frames if frame["run_t_ns"] >= begin],
                "power": columns(self._scene.powers.between(begin, end, points)),
                "powers": powers,
            }
        )

    @property
    def frames_per_second(self) -> float:
        """How many frames a second of the race are kept."""
        return NS / self._period_ns

    def _take(self, t_ns: int) -> None:
        payload = self._scene.payload(t_ns)
        kept = {key: value for key, value in payload.items() if key not in _LEFT_OUT}
        self._frames.append({**kept, "run_t_ns": t_ns})
        if len(self._frames) > MOST_FRAMES:
            del self._frames[:-1:2]
            self._period_ns *= 2


def main(file: str) -> None:
    """Write the recording's tape, deflated, to standard output: work of seconds, which must not hold a server up."""
    with suppress(OSError):
        os.nice(5)  # nor a race
    tape = Tape(Path(file).name)
    for document in Reader(Path(file)):
        tape.add(document)
    tape.end(whole=tape.ledger.stop is not None)
    sys.stdout.buffer.write(zlib.compress(tape.content()))


def _opens(mark: Mark) -> bool:
    """Whether the race becomes worth seeing."""
    return mark.kind is MarkKind.ROUND_BEGIN or (mark.kind is MarkKind.PHASE and mark.state in {"warming", "baseline"})


if __name__ == "__main__":
    main(sys.argv[1])
