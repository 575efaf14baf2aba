"""The rehearsal of a demo: a check-up, a short race, and its recording kept for the day when the race dies on stage."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.config import Demo
from engine.doctor import Examination
from engine.documents import Document, Start
from engine.errors import RecordingError, WattraceError
from engine.headless import RaceOptions, data_folder, race
from engine.ledger import Ledger
from engine.recording import Reader
from engine.run import Ending, Race

SECONDS = 20.0
"""Of turns; starting the arms, warming them up and cooling come on top."""
_ROUNDS_OF_EACH = 2
"""As many as a verdict needs."""
_LONGEST_COOLING_SECONDS = 2.0


@dataclass
class Rehearsal:
    """What came of it: what is ready, and what is not, each in a sentence."""

    examination: Examination
    raced: Race | None = None
    ending: Ending | None = None
    kept: Path | None = None
    """The recording that would take over."""
    ready: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the demo can be shown."""
        return not self.missing


def shortened(demo: Demo) -> Demo:
    """`demo` with two turns of each arm, SECONDS in all."""
    rounds = _ROUNDS_OF_EACH * len(demo.arms)
    schedule = demo.schedule.model_copy(
        update={
            "rounds": rounds,
            "round_seconds": max(0.5, SECONDS / rounds),
            "round_requests": None,
            "stop_when_decided": False,
            "cooldown_timeout_seconds": min(_LONGEST_COOLING_SECONDS, demo.schedule.cooldown_timeout_seconds),
        }
    )
    return demo.model_copy(update={"schedule": schedule})


async def rehearse(
    name: str,
    demo: Demo,
    examination: Examination,
    options: RaceOptions,
    *,
    watch: Callable[[Ledger, Document], None] | None = None,
) -> Rehearsal:
    """Race a `shortened` demo where `examination` lets it, and keep the recording if it went well."""
    found = Rehearsal(examination)
    problems = [finding.text for finding in examination.findings if finding.level == "problem"]
    if problems:
        found.missing.append(f"this machine: {'; '.join(problems)}")
        return found
    found.ready.append("this machine can race it")
    place = data_folder("fallback") / f"{name}.jsonl"
    raw = place.with_name(f".{name}.{os.getpid()}.rehearsing")
    try:
        found.ending, _, found.raced = await race(name, demo, replace(options, out=raw), watch=watch)
        _judge(found, raw, place)
    except WattraceError as error:
        found.missing.append(f"the race: {error}")
    finally:
        raw.unlink(missing_ok=True)
    return found


def _judge(found: Rehearsal, raw: Path, place: Path) -> None:
    """What the race was like, and whether its recording is worth keeping."""
    assert found.ending is not None and found.raced is not None
    if found.ending.status != "success":
        found.missing.append(f"the race: {found.ending.reason}")
        return
    ledger = found.raced.ledger
    verdict = ledger.verdict()
    if verdict is None:
        found.missing.append("the race: it came to no verdict, though every arm had two turns")
    else:
        found.ready.append(f"a race went through: {verdict.text}")
    if not ledger.powered:
        found.missing.append("watts: there is no power sensor, so the screen will show speeds alone")
    _keep(found, raw, place)


def _keep(found: Rehearsal, raw: Path, place: Path) -> None:
    """The new recording takes the place of an older one; but a simulated one never that of a real one."""
    if _is_simulated(raw) and place.exists() and not _is_simulated(place):
        found.kept = place
        found.ready.append(
            f"the fallback is an earlier recording of a real race, which this simulated one leaves: {place}"
        )
        return
    try:
        raw.replace(place)
    except OSError as error:
        found.missing.append(f"the fallback: {place} cannot be written: {error.strerror}")
        return
    found.kept = place
    found.ready.append(f"the fallback recording is kept: {place}")


def _is_simulated(path: Path) -> bool:
    try:
        first = next(iter(Reader(path)), None)
    except RecordingError:
        return True  # what cannot be read is worth nothing
    return not isinstance(first, Start) or any(first.simulated.values())
