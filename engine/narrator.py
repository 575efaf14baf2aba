"""The narrator of a run: everything that happens becomes a document here, once, and everybody hears it."""

from collections.abc import Callable

from pydantic import JsonValue

from engine.clock import NS, Clock
from engine.documents import Document, Mark, MarkKind, Stop
from engine.errors import ArmError, RecordingError
from engine.ledger import Ledger
from engine.recording import Recorder

Sink = Callable[[Document], None]

_LAST_WORDS = 40


class Narrator:
    """Tells `recorder` (critical), its own ledger and every sink (which must not raise).

    A recorder that fails is told to `on_loss` and gets nothing more, but for the stop document, which may still fit.
    """

    def __init__(self, clock: Clock, recorder: Recorder, *, on_loss: Callable[[RecordingError], None]) -> None:
        self.clock, self.ledger = clock, Ledger()
        self.sinks: list[Sink] = []
        self._recorder, self._on_loss = recorder, on_loss
        self.lost = False

    @property
    def counts(self) -> dict[str, int]:
        """Rows recorded so far, by stream."""
        return dict(self._recorder.counts)

    def sealed(self, stop: Stop) -> Stop:
        """`stop` with the digest of everything recorded so far."""
        return self._recorder.sealed(stop)

    def emit(self, document: Document) -> None:
        """Tell everybody `document`."""
        self.ledger.add(document)
        if not self.lost or isinstance(document, Stop):
            self._record(document)
        for sink in self.sinks:
            sink(document)

    def _record(self, document: Document) -> None:
        try:
            self._recorder(document)
        except RecordingError as error:
            first, self.lost = not self.lost, True
            if first:
                self._on_loss(error)

    def mark(
        self,
        kind: MarkKind,
        *,
        arm: str | None = None,
        state: str | None = None,
        text: str | None = None,
        data: dict[str, JsonValue] | None = None,
    ) -> None:
        """Tell what happened just now."""
        now = self.clock.now_ns()
        self.emit(Mark(kind=kind, t_ns=now, arm=arm, state=state, text=text, data=data or {}))

    def phase(self, state: str, seconds: float | None = None, **data: JsonValue) -> None:
        """Tell that the run is now in `state`, planned to last `seconds`, and what else there is to say of it."""
        if seconds is not None:
            data["ends_t_ns"] = self.clock.now_ns() + round(seconds * NS)
        self.mark(MarkKind.PHASE, state=state, data=data)

    def arm_state(self, label: str, state: str) -> None:
        """Tell that arm `label` is now in `state`."""
        self.mark(MarkKind.ARM, arm=label, state=state)

    def arm_failed(self, error: ArmError) -> None:
        """Tell once that an arm has failed, and keep its last words with the recording."""
        if self.ledger.arms[error.arm].state != "failed":
            last_words: dict[str, JsonValue] = {"log_tail": list(error.log_tail[-_LAST_WORDS:])}
            self.mark(MarkKind.ARM, arm=error.arm, state="failed", text=str(error), data=last_words)
