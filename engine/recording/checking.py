"""Checking: whether a recording is one, whole, as it was written, and says of itself what follows from its samples."""

from pathlib import Path
from typing import Any

import orjson

from engine.clock import NS
from engine.documents import Start, Stop
from engine.errors import RecordingError
from engine.ledger import METHOD, Ledger, closed
from engine.recording.books import enter
from engine.recording.findings import Report
from engine.recording.reader import CHANGED, Reader
from engine.recording.scrutiny import Scrutiny

_MOST_DIFFERENCES = 8
_BEFORE_ROUNDS = 1
"""The last schema whose stop was made before the books were closed, and has no rounds in it."""


def check(path: Path) -> Report:
    """Read all of the recording in `path`, and work its figures out again.

    Raises RecordingError where there is no recording to speak of: no file, no start, a later schema.
    """
    report, reader, ledger = Report(str(path)), Reader(path), Ledger()
    scrutiny = Scrutiny(report)
    try:
        for document in reader:
            scrutiny.see(document, reader.documents)
            if isinstance(document, Stop):
                _figures(report, ledger, document, reader)
            else:
                enter(ledger, document, path)
    except RecordingError as error:
        if reader.start is None:
            raise
        report.add("error", "unreadable", error.problem, error.line)
    if reader.start is None:
        raise RecordingError(path, "holds no documents" + (": it was cut off in its first line" * reader.broken_tail))
    scrutiny.end()
    _close(report, reader)
    return report


def _close(report: Report, reader: Reader) -> None:
    start: Start = reader.start  # type: ignore[assignment]  # who has no start is not closed
    report.run, report.schema_version = start.run, start.schema_version
    version = start.provenance.get("wattrace_version")
    report.wattrace_version = version if isinstance(version, str) else None
    report.simulated = any(start.simulated.values())
    report.lines, report.bytes = reader.documents, reader.bytes
    report.sealed = reader.stop is not None and reader.stop.digest is not None
    if reader.changed:
        report.add("error", "changed", CHANGED)
    broken = any(finding.code == "unreadable" for finding in report.findings)
    if not broken and reader.cut_off is not None and not reader.changed:
        cut = {"after_line": reader.documents, "after_byte": reader.bytes, "t_ns": report.newest_t_ns}
        report.cut = {"why": reader.cut_off, **cut, "seconds": report.newest_t_ns / NS}


def _figures(report: Report, ledger: Ledger, stop: Stop, reader: Reader) -> None:
    """Compare what the stop tells with what follows from the samples: to the last bit."""
    start: Start = reader.start  # type: ignore[assignment]  # it came before the stop
    line = reader.documents
    if not stop.arms:
        if ledger.arms and stop.exit_status == "success":
            report.add("error", "figures", "the stop of a run that ended well tells no figures", line)
        return
    old = start.schema_version <= _BEFORE_ROUNDS
    try:
        follows = Stop(t_ns=stop.t_ns, exit_status=stop.exit_status, arms=ledger.summaries()) if old else None
        follows = follows or closed(ledger, stop.model_copy(update={"arms": [], "verdicts": []}))
    except (ArithmeticError, ValueError, TypeError, LookupError) as error:
        text = f"no figures can be worked out from its numbers ({type(error).__name__}: {error})"
        report.add("error", "figures", text, line)
        return
    report.recomputed = True
    method = start.provenance.get("figures_method", 1 if old else METHOD)
    found = _differences("arms", _plain(stop.arms), _plain(follows.arms), all_keys=method == METHOD)
    if not old:
        verdicts = _plain(stop.verdicts), _plain(follows.verdicts)
        found += _differences("verdicts", *verdicts, all_keys=method == METHOD)
    if found and method != METHOD:
        text = f"its figures were worked out by method {method}, this wattrace's is {METHOD}"
        report.add("warning", "method", f"{text}: {len(found):,} of them differ, as {found[0]}", line)
        report.unverified = True
        return
    for text in found[:_MOST_DIFFERENCES]:
        report.add("error", "figures", text, line)
    if len(found) > _MOST_DIFFERENCES:
        report.add("error", "figures", f"and {len(found) - _MOST_DIFFERENCES:,} more figures differ", line)


def _plain(value: Any) -> Any:
    """As it comes out of a file."""
    return orjson.loads(orjson.dumps(value))


_ABSENT = object()


def _differences(path: str, told: Any, follows: Any, *, all_keys: bool) -> list[str]:
    """Where the two differ. Without `all_keys` a figure that only one of them has is passed over."""
    if isinstance(told, dict) and isinstance(follows, dict):
        keys = [key for key in {**told, **follows} if all_keys or (key in told and key in follows)]
        pairs = [(f"{path}.{key}", told.get(key, _ABSENT), follows.get(key, _ABSENT)) for key in keys]
        return [text for pair in pairs for text in _differences(*pair, all_keys=all_keys)]
    if isinstance(told, list) and isinstance(follows, list) and len(told) == len(follows):
        both = enumerate(zip(told, follows, strict=True))
        pairs = [(f"{path}.{_name(at, pair[1])}", *pair) for at, pair in both]
        return [text for pair in pairs for text in _differences(*pair, all_keys=all_keys)]
    if type(told) is type(follows) and told == follows:
        return []
    return [f"{path}: the stop says {_short(told)}, from the samples follows {_short(follows)}"]


def _name(at: int, item: Any) -> str:
    label = item.get("label", item.get("round")) if isinstance(item, dict) else None
    return str(at if label is None else label)


def _short(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."
