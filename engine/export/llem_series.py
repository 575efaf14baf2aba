"""The two Parquet files of a llenergymeasure bundle: their columns are its own, to the letter."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.clock import NS
from engine.export.passage import ROWS
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

Identity = Mapping[str, str]
"""What goes into a file's metadata, so that it is known when it lies alone."""

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


@dataclass
class Readings:
    """What was read in one second: sums and counts by metric, and every throttle bit that was set."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    throttle_bits: int | None = None

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row of a stream."""
        for name, value in row.items():
            if isinstance(value, int | float):
                self.sums[name] = self.sums.get(name, 0.0) + value
                self.counts[name] = self.counts.get(name, 0) + 1
        bits = row.get("throttle_reasons")
        if isinstance(bits, int):
            self.throttle_bits = (self.throttle_bits or 0) | bits

    def mean(self, *names: str) -> float | None:
        """Of the first of these metrics that was read; None where none was."""
        return next((self.sums[name] / self.counts[name] for name in names if name in self.counts), None)


@dataclass
class Series:
    """What one pass through a recording finds for an arm: readings by the second, and when its tokens came."""

    seconds: dict[Second, Readings] = field(default_factory=dict)
    receipts: dict[int, list[float]] = field(default_factory=dict)
    """Of each request when each of its tokens came, in seconds; those of one chunk at the same time."""


def read_series(recording: Recording, label: str, devices: Sequence[str], windows: Sequence[Window]) -> Series:
    """Read those of arm `label`; of its devices what was read in its windows."""
    gpus = {stream: _index(device) for device in devices for stream in (device, f"{device}.slow")}
    found = Series()
    for stream, table in recording.batches(ROWS):
        if stream in gpus:
            _collect(rows(table), gpus[stream], windows, found.seconds)
        elif stream == f"text.{label}":
            for row in rows(table):
                if isinstance(row.get("request"), int) and isinstance(row.get("tokens"), int):
                    found.receipts.setdefault(row["request"], []).extend([row["t_ns"] / NS] * row["tokens"])
    return found


def _index(device: str) -> int:
    """The number in a device's name; 0 for one that has none."""
    digits = device.removeprefix("gpu")
    return int(digits) if digits.isdecimal() else 0


def _collect(
    told: Iterable[dict[str, Any]], gpu: int, windows: Sequence[Window], found: dict[Second, Readings]
) -> None:
    begins = [window.begun_ns for window in windows]
    for row in told:
        t_ns = row.pop("t_ns")
        at = bisect_left(begins, t_ns) - 1
        if at >= 0 and t_ns in windows[at]:
            found.setdefault(((t_ns - begins[0]) // NS, gpu), Readings()).add(row)


def write_timeseries(seconds: Mapping[Second, Readings], path: Path, identity: Identity) -> None:
    """Means over each second in which the arm ran, as llenergymeasure's own are; throttle bits are added up."""
    told = [_second(second, readings) for second, readings in sorted(seconds.items(), key=lambda item: item[0])]
    pq.write_table(pa.Table.from_pylist(told, schema=_TIMESERIES.with_metadata(dict(identity))), path)


def _second(second: Second, readings: Readings) -> dict[str, Any]:
    memory = readings.mean("memory_used_bytes")
    return {
        "timestamp_s": float(second[0]),
        "gpu_index": second[1],
        "power_w": readings.mean("power_instant_watts", "power_average_watts"),
        "temperature_c": readings.mean("temperature_celsius"),
        "sm_utilisation_pct": readings.mean("utilization_percent"),
        "memory_used_mb": None if memory is None else memory / _MEBI,
        "throttle_reasons": readings.throttle_bits,
    }


def write_requests(
    requests: Iterable[Mapping[str, Any]],
    receipts: Mapping[int, list[float]],
    windows: Sequence[Window],
    path: Path,
    identity: Identity,
) -> None:
    """One row a request, times in seconds of the recording's clock; the span is told where there is but one."""
    by_number = {window.number: window for window in windows}
    told = [_request(row, by_number.get(row["round"]), receipts.get(row["request"], [])) for row in requests]
    metadata = dict(identity)
    if len(windows) == 1 and (steady := windows[0].steady_ns) is not None:
        metadata |= {"span_start": repr(steady[0] / NS), "span_end": repr(steady[1] / NS)}
    pq.write_table(pa.Table.from_pylist(told, schema=_REQUESTS.with_metadata(metadata)), path)


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


def _seconds(t_ns: int | None) -> float | None:
    return None if t_ns is None else t_ns / NS


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
