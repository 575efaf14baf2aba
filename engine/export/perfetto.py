"""A Perfetto trace: counters for what was sensed, slices for rounds and requests; ui.perfetto.dev opens it.

Its clock is the recording's, tied to UTC where t = 0. Counters hold their value until the next one, so that only
changes are written; where a reading is missing a slice beside the counter says so.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.documents import MarkKind
from engine.export.about import about, simulated_words
from engine.export.counters import Counters
from engine.export.rows import rows
from engine.export.trace import Trace
from engine.recording import Recording


def export_trace(recording: Recording, folder: Path) -> None:
    """Write `trace.pftrace` into `folder`."""
    with (folder / "trace.pftrace").open("wb") as file:
        trace = Trace(file)
        trace.clocks(recording.start.utc)
        run = trace.track(_run_name(recording))
        Counters(recording, trace, run).write()
        _slices(recording, trace, run)


def _run_name(recording: Recording) -> str:
    """The topmost track: nobody can look at the trace without reading what it is."""
    warnings = [simulated_words(recording), recording.cut_off and f"CUT OFF: {recording.cut_off}"]
    return ", ".join(["wattrace", recording.start.run, *(warning for warning in warnings if warning)])


def _slices(recording: Recording, trace: Trace, run: int) -> None:
    rounds = list(rows(recording.rounds()))
    requests = list(rows(recording.requests()))
    end_ns = _end_ns(recording, rounds)
    for info in recording.start.arms:
        track = trace.track(f"arm {info.label}: {info.name}", run)
        own = [row for row in rounds if row["arm"] == info.label]
        _round_slices(trace, trace.track("rounds", track), own, end_ns)
        _request_slices(trace, track, [row for row in requests if row["arm"] == info.label], end_ns)
    happened = trace.track("what happened", run)
    trace.instant(happened, "the recording", 0, {**about(recording), "summary": recording.summary()})
    for mark in recording.marks:
        if mark.request is None and mark.kind not in (MarkKind.ROUND_BEGIN, MarkKind.ROUND_END):
            words = " ".join(word for word in (mark.arm, mark.state, mark.text) if word)
            notes = {"text": mark.text, "state": mark.state, "arm": mark.arm, "end_t_ns": mark.end_t_ns, **mark.data}
            trace.instant(happened, f"{mark.kind}: {words}", mark.t_ns, notes)


def _end_ns(recording: Recording, rounds: Iterable[Mapping[str, Any]]) -> int:
    """When the recording ends, cut off or not."""
    keys = ("drained_t_ns", "cutoff_t_ns", "begin_t_ns")
    ends: list[int] = [row[key] for row in rounds for key in keys if row[key] is not None]
    ends += [mark.t_ns for mark in recording.marks]
    return max([*ends, recording.stop.t_ns if recording.stop else 0])


def _round_slices(trace: Trace, track: int, rounds: Iterable[Mapping[str, Any]], end_ns: int) -> None:
    """A round's slice, and in it filling, steady state and draining as far as they are known."""
    for row in rounds:
        until = row["drained_t_ns"] or row["cutoff_t_ns"] or end_ns
        trace.slice(track, f"round {row['round']}", row["begin_t_ns"], until, row)
        begin, end = row.get("steady_start_t_ns"), row.get("steady_end_t_ns")
        if begin is not None and end is not None:
            trace.slice(track, "steady state", begin, min(end, until))


def _request_slices(trace: Trace, parent: int, requests: Iterable[Mapping[str, Any]], end_ns: int) -> None:
    """Each request on the first track that is free, with prefill (queueing included) and decode inside."""
    lanes: list[tuple[int, int]] = []
    for row in sorted((row for row in requests if row["submitted_t_ns"] is not None), key=_submitted):
        begin, first = row["submitted_t_ns"], row["first_token_t_ns"]
        until = max(row["ended_t_ns"] or row["last_token_t_ns"] or end_ns, begin)
        lane = next((at for at, (_, free) in enumerate(lanes) if free <= begin), len(lanes))
        if lane == len(lanes):
            lanes.append((trace.track(f"requests {lane + 1}", parent), 0))
        track = lanes[lane][0]
        lanes[lane] = (track, until)
        trace.slice(track, f"request {row['request']}: {row['state']}", begin, until, row)
        trace.slice(track, "prefill, with queueing", begin, until if first is None else first)
        if first is not None:
            trace.slice(track, "decode", first, min(max(row["last_token_t_ns"] or until, first), until))


def _submitted(row: Mapping[str, Any]) -> int:
    return int(row["submitted_t_ns"])
