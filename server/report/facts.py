"""What a report tells of one recording: the very object that `compare --json` prints, and what else was recorded."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.documents import Document, Mark, MarkKind, Start
from engine.errors import RecordingError
from engine.footprint import Electricity, Estimate, Footprint, energy_estimates, footprint
from engine.outcome import outcome
from engine.recording import Reader
from server.report.tape import Tape

_MOST_WARNINGS = 200


@dataclass(frozen=True)
class Facts:
    """One recording, read once. `outcome` is what `compare --json` says of it."""

    file: str
    sha256: str
    start: Start
    cut: str | None
    """Why the recording is not whole; None where it is."""
    outcome: Mapping[str, Any]
    tape: Tape
    ready: Mapping[str, Mapping[str, Any]]
    """What each arm said of itself when it was ready: its version, its arguments."""
    warnings: Sequence[Mark]
    sensors: Sequence[Mapping[str, Any]]
    electricity: Electricity

    @property
    def title(self) -> str:
        """What the race is called."""
        return str(self.start.demo.get("title") or self.start.demo.get("name") or "A race")

    @property
    def learn(self) -> str:
        """What is to be learnt from it."""
        return str(self.start.demo.get("learn") or "")

    @property
    def mode(self) -> str:
        """Whether the arms took turns (`alternate`), or ran at once (`parallel`, `shared`)."""
        schedule = self.start.demo.get("schedule")
        return str(schedule.get("mode", "alternate")) if isinstance(schedule, dict) else "alternate"

    @property
    def unit(self) -> str:
        """What the arms' work is counted in."""
        return self.start.arms[0].unit

    @property
    def per_unit(self) -> str:
        """`token`, or `unit` for all other work: how figures are called."""
        return "token" if self.unit == "token" else "unit"

    @property
    def arms(self) -> Sequence[Mapping[str, Any]]:
        """The arms' summaries."""
        arms: Sequence[Mapping[str, Any]] = self.outcome["arms"]
        return arms

    @property
    def energies(self) -> dict[str, Estimate | None]:
        """Each arm's joules for one token (or unit), with the 95 % range."""
        return {arm["label"]: energy_estimates(arm).get(self.per_unit) for arm in self.arms}

    @property
    def footprints(self) -> list[Footprint]:
        """Carbon and cost, where a grid or a price was given."""
        return footprint(self.arms, self.electricity) if self.electricity else []

    @property
    def simulated(self) -> str:
        """What is simulated, in words; empty when nothing is."""
        return " and ".join(sorted(name for name, is_so in self.start.simulated.items() if is_so))

    @property
    def device(self) -> str:
        """What was measured."""
        names = [str(sensor["device_name"]) for sensor in self.sensors if sensor.get("device_name")]
        return " and ".join(dict.fromkeys(names)) or "no power sensor"

    @property
    def model(self) -> str:
        """Which model was asked, as far as is known."""
        model = self.start.provenance.get("model")
        return str(model.get("id") or "") if isinstance(model, dict) else ""


def read_facts(path: Path, electricity: Electricity | None = None) -> Facts:
    """Everything that a report tells of the recording in `path`.

    Raises RecordingError for what is no recording, or one without arms.
    """
    reader, taping = Reader(path), Tape(path.name)
    ready: dict[str, Mapping[str, Any]] = {}
    warnings: list[Mark] = []
    for document in reader:
        taping.add(document)
        _note(document, ready, warnings)
    taping.end(reader.stop is not None)
    ledger = taping.ledger
    if ledger.start is None or not ledger.arms:
        raise RecordingError(path, "has no race to report: no arms in it")
    return Facts(
        file=path.name,
        sha256=_sha256(path),
        start=ledger.start,
        cut=reader.cut_off,
        outcome=outcome(ledger, reader.cut_off),
        tape=taping,
        ready=ready,
        warnings=warnings,
        sensors=[found.model_dump() for found in ledger.rig.descriptors.values() if found.stream.startswith("gpu")],
        electricity=electricity or Electricity(),
    )


def _note(document: Document, ready: dict[str, Mapping[str, Any]], warnings: list[Mark]) -> None:
    match document:
        case Mark(kind=MarkKind.ARM, state="ready", arm=str(arm)):
            ready[arm] = document.data
        case Mark(kind=MarkKind.WARNING) if len(warnings) < _MOST_WARNINGS:
            warnings.append(document)
        case _:
            pass


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
