"""The two Parquet files of a llenergymeasure bundle: their columns are its own, to the letter."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.clock import NS
from engine.export.rows import rows
from engine.recording import Recording

_TIMESERIES = pa.schema(
    [
        ("timestamp_s", pa.float64()),
        ("gpu_index", pa.int32()),
        ("power_w", pa.float32()),
        ("temperature_c", pa.float32()),
        ("memory_used_mb", pa.float32()),
        ("memory_total_mb", pa.float32()),
        ("sm_utilisation_pct", pa.float32()),
        ("throttle_reasons", pa.int64()),
    ]
)
_REQUESTS = pa.schema(
    [
        ("request_index", pa.int64()),
        ("issued_at", pa.float64()),
        ("dispatched_at", pa.float64()),
        ("first_token_at", pa.float64()),
        ("completed_at", pa.float64()),
        ("ttft_ms", pa.float64()),
        ("e2e_latency_ms", pa.float64()),
        ("client_output_tokens", pa.int64()),
        ("server_prompt_tokens", pa.int64()),
        ("server_completion_tokens", pa.int64()),
        ("status", pa.string()),
        ("finish_reason", pa.string()),
        ("level_index", pa.int32()),
        ("window_index", pa.int32()),
        ("in_measurement_window", pa.bool_()),
        ("is_ramp", pa.bool_()),
        ("completed_in_drain", pa.bool_()),
        ("output_token_times", pa.list_(pa.float64())),
    ]
)
_STATUS = {"finished": "ok", "failed": "error", "withdrawn": "timeout", "open": "timeout"}
_MEBI = 1024 * 1024
_MEANS = {"temperature_celsius": "temperature_c", "utilization_percent": "sm_utilisation_pct"}

Second = tuple[int, int]
"""A whole second since the first window's begin, and a GPU's index."""


@dataclass(frozen=True)
class Window:
    """A round, and its steady state (None where it never got full)."""

    number: int
    begun_ns: int
    drained_ns: int | None
    steady_ns: tuple[int, int] | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Window":
        """That of a row of the table of rounds."""
        begin, end = row.get("steady_start_t_ns"), row.get("steady_end_t_ns")
        steady = None if begin is None or end is None else (begin, end)
        return cls(row["round"], row["begin_t_ns"], row["drained_t_ns"] or row["cutoff_t_ns"], steady)

    def __contains__(self, t_ns: int) -> bool:
        return self.begun_ns < t_ns and (self.drained_ns is None or t_ns <= self.drained_ns)


def write_timeseries(
    recording: Recording, devices: Sequence[str], windows: Sequence[Window], path: Path, identity: Mapping[str, str]
) -> None:
    """Means over each second in which the arm ran, as llenergymeasure's own are; throttle bits are added up."""
    found: dict[Second, dict[str, list[float]]] = {}
    for device in devices:
        for stream in (device, f"{device}.slow"):
            if stream in recording.descriptors:
                _collect(recording, stream, int(device.removeprefix("gpu")), windows, found)
    rows = [_second(second, values) for second, values in sorted(found.items())]
    pq.write_table(pa.Table.from_pylist(rows, schema=_TIMESERIES.with_metadata(dict(identity))), path)


def _collect(
    recording: Recording, stream: str, gpu: int, windows: Sequence[Window], found: dict[Second, dict[str, list[float]]]
) -> None:
    zero_ns = min(window.begun_ns for window in windows)
    for row in rows(recording.stream(stream)):
        t_ns = row.pop("t_ns")
        if not any(t_ns in window for window in windows):
            continue
        values = found.setdefault(((t_ns - zero_ns) // NS, gpu), {})
        for name, value in row.items():
            if isinstance(value, int | float):
                values.setdefault(name, []).append(value)


def _second(second: Second, values: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    bits = None
    for value in values.get("throttle_reasons", ()):
        bits = (bits or 0) | int(value)
    memory = _mean(values.get("memory_used_bytes"))
    power = values.get("power_instant_watts") or values.get("power_average_watts")
    return {
        "timestamp_s": float(second[0]),
        "gpu_index": second[1],
        "power_w": _mean(power),
        **{theirs: _mean(values.get(ours)) for ours, theirs in _MEANS.items()},
        "memory_used_mb": None if memory is None else memory / _MEBI,
        "throttle_reasons": bits,
    }


def write_requests(
    recording: Recording,
    stream: str,
    requests: Iterable[Mapping[str, Any]],
    windows: Sequence[Window],
    path: Path,
    identity: Mapping[str, str],
) -> None:
    """One row a request, times in seconds of the recording's clock; the span is told where there is but one."""
    receipts = _receipts(recording, stream)
    by_number = {window.number: window for window in windows}
    rows = [_request(row, by_number.get(row["round"]), receipts.get(row["request"], [])) for row in requests]
    metadata = dict(identity)
    if len(windows) == 1 and (steady := windows[0].steady_ns) is not None:
        metadata |= {"span_start": repr(steady[0] / NS), "span_end": repr(steady[1] / NS)}
    pq.write_table(pa.Table.from_pylist(rows, schema=_REQUESTS.with_metadata(metadata)), path)


def _receipts(recording: Recording, stream: str) -> dict[int, list[float]]:
    """When each token of each request came: those of one chunk at the same time."""
    found: dict[int, list[float]] = {}
    if stream in recording.descriptors:
        for row in rows(recording.stream(stream)):
            if isinstance(row.get("request"), int) and isinstance(row.get("tokens"), int):
                found.setdefault(row["request"], []).extend([row["t_ns"] / NS] * row["tokens"])
    return found


def _request(row: Mapping[str, Any], window: Window | None, times: list[float]) -> dict[str, Any]:
    submitted, ended = row["submitted_t_ns"], row["ended_t_ns"]
    steady = window.steady_ns if window else None
    in_steady = steady is not None and submitted is not None and steady[0] <= submitted <= steady[1]
    finished = row["state"] == "finished"
    return {
        "request_index": row["request"],
        "issued_at": _seconds(submitted),
        "dispatched_at": _seconds(submitted),
        "first_token_at": _seconds(row["first_token_t_ns"]),
        "completed_at": _seconds(ended) if row["state"] in ("finished", "failed") else None,
        "ttft_ms": _milliseconds(row["ttft_seconds"]),
        "e2e_latency_ms": _milliseconds(row["e2e_seconds"]) if finished else None,
        "client_output_tokens": len(times),
        "server_prompt_tokens": row["prompt_tokens"],
        "server_completion_tokens": row["completion_tokens"],
        "status": _STATUS.get(row["state"], "error"),
        "finish_reason": row["finish_reason"],
        "level_index": 0,
        "window_index": row["round"],
        "in_measurement_window": in_steady,
        "is_ramp": steady is not None and submitted is not None and submitted < steady[0],
        "completed_in_drain": in_steady and finished and steady is not None and ended > steady[1],
        "output_token_times": times,
    }


def _mean(values: Sequence[float] | None) -> float | None:
    return sum(values) / len(values) if values else None


def _seconds(t_ns: int | None) -> float | None:
    return None if t_ns is None else t_ns / NS


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
