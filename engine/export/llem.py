"""Bundles as llenergymeasure 0.7 writes and reads them (its bundle version 2.0): a folder for each arm.

Its fields mean what its own documentation says; docs/export.md has the table of which figure of ours is which of its.
What it demands and we do not know is NaN where it wants a number, "unknown" where it wants a word, and for FLOPs 0,
which is its own way to say so. An arm whose energy is unknown has no bundle: there is no such thing.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from engine import __version__
from engine.books import percentiles
from engine.documents import ArmInfo
from engine.errors import ExportError
from engine.export.about import about, simulated_words
from engine.export.llem_series import Window, read_series, write_requests, write_timeseries
from engine.export.rows import rows
from engine.export.tables import devices_of
from engine.recording import Recording
from engine.validity import Reason

BUNDLE_VERSION = "2.0"
_UNKNOWN = "unknown"
_MEBI = 1024 * 1024


def export_bundles(recording: Recording, folder: Path) -> list[str]:
    """Write a bundle for each arm into `folder`; returns what could not be, in words."""
    left_out = []
    for info, arm in zip(recording.start.arms, recording.summary()["arms"], strict=True):
        if (why := _why_not(arm)) is not None:
            left_out.append(f"arm {info.label} has no bundle: {why}")
            continue
        place = folder / f"{info.label}-{re.sub(r'[^A-Za-z0-9._-]+', '_', info.name)}"
        place.mkdir()
        _Bundle(recording, info, arm).write(place)
    if len(left_out) == len(recording.start.arms):
        raise ExportError(recording.path, "; ".join(left_out) or "has no arms: it is the recording of a measurement")
    return left_out


def _why_not(arm: Mapping[str, Any]) -> str | None:
    if arm["unit"] != "token":
        return f"its work is counted in {arm['unit']}s, and llenergymeasure's in tokens"
    if arm["energy_joules"] is None or not arm["tokens"]:
        return "its energy is unknown, which llenergymeasure has no way to say"
    return None


class _Bundle:
    """One arm's."""

    def __init__(self, recording: Recording, info: ArmInfo, arm: Mapping[str, Any]) -> None:
        self._recording, self._info, self._arm = recording, info, arm
        self._devices = devices_of(recording, info.label)
        self._requests = [row for row in rows(recording.requests()) if row["arm"] == info.label]
        self._rounds = [row for row in rows(recording.rounds()) if row["arm"] == info.label]
        self._identity = {
            "experiment_id": f"{recording.start.run}-{info.label}",
            "declared_config_hash": hashlib.sha256(_canonical(self._declared())).hexdigest()[:16],
        }

    def write(self, folder: Path) -> None:
        """All five files."""
        _write(folder / "result.json", self._result())
        _write(folder / "config.json", self._config())
        _write(folder / "system.json", self._system())
        windows = [Window.of(row) for row in self._rounds]
        found = read_series(self._recording, self._info.label, self._devices, windows)
        write_timeseries(found.seconds, folder / "timeseries.parquet", self._identity)
        write_requests(self._requests, found.receipts, windows, folder / "requests.parquet", self._identity)

    def _result(self) -> dict[str, Any]:
        arm = self._arm
        prompt_tokens, above = arm["steady"]["prompt_tokens"], arm["energy_above_idle_joules"]
        per_token_above = arm["steady"]["joules_per_token_above_idle"]
        begun = min(row["begin_t_ns"] for row in self._rounds)
        ended = max(row["drained_t_ns"] or row["cutoff_t_ns"] or row["begin_t_ns"] for row in self._rounds)
        return {
            "bundle_version": BUNDLE_VERSION,
            **self._identity,
            "serving_mode": "server",
            "engine": self._info.runtime,
            "model_name": self._model(),
            "input_tokens": prompt_tokens,
            "output_tokens": arm["tokens"],
            "total_tokens": prompt_tokens + arm["tokens"],
            "total_energy_j": arm["energy_joules"],
            "total_inference_time_sec": arm["seconds"],
            "avg_tokens_per_second": arm["tokens_per_second"],
            "avg_energy_per_token_j": arm["joules_per_token"],
            "energy_per_token_mj_total": arm["joules_per_token"] * 1000,
            "energy_per_token_mj_adjusted": None if per_token_above is None else per_token_above * 1000,
            "total_flops": 0.0,
            "energy_adjusted_j": above,
            "energy_breakdown": {
                "raw_j": arm["energy_joules"],
                "adjusted_j": above,
                "baseline_power_w": None if above is None else (arm["energy_joules"] - above) / arm["seconds"],
                "baseline_method": "unavailable" if above is None else "fresh",
            },
            "measurement_warnings": self._warnings(),
            "reproducibility_notes": self._note(),
            "timeseries": "timeseries.parquet",
            "runner_provenance": None,
            "server_metrics": self._server_metrics(),
            "start_time": self._utc(begun),
            "end_time": self._utc(ended),
        }

    def _warnings(self) -> list[str]:
        """What a reader must be warned of, llenergymeasure's `llem` shows it."""
        told = [f"{code}: {Reason(code).sentence}" if code in set(Reason) else code for code in self._arm["reasons"]]
        more = [simulated_words(self._recording), self._recording.cut_off]
        return [words for words in more if words] + told

    def _note(self) -> str:
        doubt, hertz = self._arm["uncertainty_joules"], self._hertz()
        rate = f" sampled at {hertz:g} Hz" if hertz else ""
        known = f", uncertainty {doubt:.3g} J (95 %)" if doubt is not None else ""
        rounds = f"the steady states of {self._arm['rounds']} rounds"
        return (
            f"Measured by wattrace {__version__} over {rounds}: device energy{rate}{known}; the series are 1 s means."
        )

    def _hertz(self) -> float | None:
        descriptor = self._recording.descriptors.get(self._devices[0]) if self._devices else None
        period = descriptor.nominal_period_ns if descriptor else None
        return 1e9 / period if period else None

    def _server_metrics(self) -> dict[str, Any]:
        states = [row["state"] for row in self._requests]
        finished = [row for row in self._requests if row["state"] == "finished"]
        return {
            "completed_count": states.count("finished"),
            "error_count": states.count("failed"),
            "timeout_count": states.count("withdrawn"),
            "completion_rate": len(finished) / len(states) if states else None,
            "length_truncated_count": sum(row["finish_reason"] == "length" for row in finished),
            "ttft": self._milliseconds("ttft_seconds", sum(row["ttft_seconds"] is not None for row in self._requests)),
            "tpot": _tpot(finished),
            "itl": self._milliseconds("itl_seconds", sum(max((row["chunks"] or 0) - 1, 0) for row in self._requests)),
            "e2e": self._milliseconds("e2e_seconds", len(finished)),
            "energy_at_operating_point_j_per_token": self._arm["joules_per_token"],
        }

    def _milliseconds(self, name: str, samples: int) -> dict[str, Any]:
        return _percentiles(self._arm[name], samples)

    def _config(self) -> dict[str, Any]:
        arm = {name: value for name, value in self._arm.items() if name != "per_round"}
        return {
            "bundle_version": BUNDLE_VERSION,
            **self._identity,
            "engine": self._info.runtime,
            "model_name": self._model(),
            "measurement_methodology": "steady_state",
            "steady_state_not_detected": False,
            "declared_config": self._declared(),
            "wattrace": {**about(self._recording), "summary": arm, "rounds": self._arm["per_round"]},
        }

    def _declared(self) -> dict[str, Any]:
        demo = self._recording.start.demo
        return {
            "arm": self._info.model_dump(exclude={"label", "devices"}),
            **{name: demo.get(name) for name in ("model", "workload", "schedule")},
        }

    def _system(self) -> dict[str, Any]:
        provenance = self._recording.start.provenance
        gpu, host = self._gpu(), _mapping(provenance.get("host"))
        memory = gpu.get("memory_total_bytes")
        return {
            "bundle_version": BUNDLE_VERSION,
            **self._identity,
            "hardware": {
                "gpu": {
                    "name": str(gpu.get("name") or _UNKNOWN),
                    "vram_total_mb": memory / _MEBI if isinstance(memory, int) else float("nan"),
                    "compute_capability": gpu.get("compute_capability"),
                },
                "cuda": {"driver_supported_version": _UNKNOWN, "driver_version": str(gpu.get("driver") or _UNKNOWN)},
                "thermal": {
                    "power_limit_w": gpu.get("power_limit_watts"),
                    "default_power_limit_w": gpu.get("power_limit_default_watts"),
                },
                "cpu": {"model": host.get("cpu"), "platform": str(host.get("system") or _UNKNOWN)},
                "collected_at": self._utc(0),
            },
            "python_version": str(provenance.get("python_version") or _UNKNOWN),
            "tool_version": f"wattrace {provenance.get('wattrace_version') or _UNKNOWN}",
        }

    def _gpu(self) -> Mapping[str, Any]:
        """What is known of the arm's first device."""
        listed = _mapping(self._recording.start.provenance.get("devices")).get("devices")
        devices = [_mapping(device) for device in listed] if isinstance(listed, list) else []
        return next((device for device in devices if f"gpu{device.get('index')}" in self._devices), {})

    def _model(self) -> str:
        start = self._recording.start
        arms, number = start.demo.get("arms"), start.arms.index(self._info)
        own = _mapping(arms[number]) if isinstance(arms, list) and number < len(arms) else {}
        return str(own.get("model") or _mapping(start.provenance.get("model")).get("id") or _UNKNOWN)

    def _utc(self, t_ns: int) -> str:
        zero = datetime.fromisoformat(self._recording.start.utc).astimezone(UTC)
        return (zero + timedelta(microseconds=t_ns // 1000)).isoformat()


def _tpot(finished: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Each answer's time from its first token to its last, over the tokens between."""
    values = [
        (row["last_token_t_ns"] - row["first_token_t_ns"]) / 1e9 / (row["completion_tokens"] - 1)
        for row in finished
        if (row["completion_tokens"] or 0) > 1 and None not in (row["last_token_t_ns"], row["first_token_t_ns"])
    ]
    found = percentiles(values)
    return _percentiles(found.as_dict() if found else None, len(values))


def _percentiles(seconds: Mapping[str, float] | None, samples: int) -> dict[str, Any]:
    told = {f"{name}_ms": value * 1000 for name, value in (seconds or {}).items()}
    return {**told, "samples": samples if told else 0}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    # orjson has no NaN.
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")
