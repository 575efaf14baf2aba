"""The documents of a measurement: told to the measurement's own figures, and with `--out` to a recording too."""

import contextlib
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from engine.clock import MonotonicClock
from engine.documents import Document, Mark, MarkKind, Start, Stop
from engine.errors import RecordingError
from engine.measure.measured import Measurement
from engine.measure.readings import Edges
from engine.provenance import machine
from engine.recording import Recorder


class Transcript:
    """Tells documents in order, from `start` to `stop`; `failure` is why the recording is not whole, if it is not."""

    def __init__(self) -> None:
        self.clock = MonotonicClock(time.monotonic_ns())
        self.measurement = Measurement()
        self.failure: RecordingError | None = None
        self._utc = datetime.now(UTC)
        self._recorder: Recorder | None = None

    @property
    def begun(self) -> bool:
        """Whether the start has been told."""
        return self.measurement.start is not None

    @contextlib.contextmanager
    def recorded(self, path: Path | None) -> Iterator[None]:
        """Record into `path` from here on; raises RecordingError when that cannot be."""
        with contextlib.ExitStack() as stack:
            self._recorder = stack.enter_context(Recorder(path)) if path is not None else None
            yield

    def __call__(self, document: Document) -> None:
        """Tell `document`; a recording that fails does not stop the measurement, but its stop is still tried."""
        self.measurement.add(document)
        if self._recorder is None or (self.failure is not None and not isinstance(document, Stop)):
            return
        try:
            self._recorder(document)
        except RecordingError as error:
            self.failure = error

    def start(self, *, devices: dict[str, JsonValue], simulated: bool, seed: int, asked: dict[str, JsonValue]) -> None:
        """Tell what is known before anything happens; t = 0 is when this transcript was made."""
        self(
            Start(
                run=f"{self._utc:%Y%m%d-%H%M%S}-measure-{secrets.token_hex(2)}",
                utc=self._utc.isoformat().replace("+00:00", "Z"),
                seed=seed,
                demo={"name": "measure", "title": "A measurement", **asked},
                arms=[],
                provenance={**machine(devices), "clock_origin_ns": self.clock.origin_ns},
                simulated={"power": simulated},
            )
        )

    def window(self, edge: Literal["begin", "end"], t_ns: int, edges: Edges) -> None:
        """Tell that the window begins, or ends, at `t_ns`."""
        data: dict[str, JsonValue] = {"window": edge, "edges": edges}
        self(Mark(kind=MarkKind.NOTE, t_ns=t_ns, text=f"the window {edge}s", data=data))

    def warn(self, text: str, code: str) -> None:
        """Tell something that a reader must know."""
        self(Mark(kind=MarkKind.WARNING, t_ns=self.clock.now_ns(), text=text, data={"code": code}))

    def stop(self, status: Literal["success", "abort", "fail"], reason: str) -> None:
        """Tell how it ended."""
        counts = dict(self._recorder.counts) if self._recorder else {}
        stop = Stop(t_ns=self.clock.now_ns(), exit_status=status, reason=reason, counts=counts)
        self(self._recorder.sealed(stop) if self._recorder else stop)
