"""One bundle as something that can stand beside a race: one arm, one round. What it does not tell is None."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.bundles.form import Config, Result, System
from engine.bundles.sampling import stored_hz
from engine.documents import ArmInfo, Start

LETTER = "A"
_LATENCIES = ("ttft_seconds", "itl_seconds", "e2e_seconds")


@dataclass(frozen=True)
class Bundle:
    """The bundle in the folder `path`."""

    path: Path
    result: Result
    config: Config
    system: System

    @property
    def start(self) -> Start:
        """What it tells of itself, in the words of a recording's first document."""
        ours, result = self.config.wattrace, self.result
        info = ArmInfo(
            label=LETTER,
            name=f"{result.engine} ({result.declared_config_hash[:8]})",
            runtime=result.engine,
            requested=self.config.observed_engine_params or self.config.declared_config,
        )
        gpu = self.system.hardware.gpu.name
        return Start(
            run=f"llenergymeasure:{result.experiment_id}",
            utc=result.start_time,
            seed=0,
            demo={"name": "llenergymeasure bundle", "workload": _at(ours, "demo").get("workload")},
            arms=[info],
            provenance={
                "imported": self._by,
                # Only wattrace's own bundles tell of prompts.
                **{name: _at(ours, "provenance").get(name) for name in ("prompts", "prompts_sha256")},
                "model": {"id": result.model_name, "revision": None},
                "devices": {"devices": [{"index": 0, "name": gpu}] if gpu else []},
            },
            simulated={name: is_so is True for name, is_so in _at(ours, "simulated").items()},
        )

    def outcome(self) -> dict[str, Any]:
        """As `compare --json` has a race; there are no verdicts within one arm."""
        return {
            "run": self.start.run,
            "demo": None,
            "complete": None,
            "reason": None,
            "simulated": any(self.start.simulated.values()),
            "imported": self._by,
            "arms": [self.summary(LETTER) | {"measured": self.measured(LETTER)}],
            "verdicts": [],
        }

    def summary(self, letter: str) -> dict[str, Any]:
        """Its figures; the mean power follows from energy and time, a peak is not told."""
        assert letter == LETTER, "a bundle has one arm"
        told, metrics = self.result, self.result.server_metrics
        joules, seconds = told.total_energy_j, told.total_inference_time_sec
        return {
            "name": self.start.arms[0].name,
            "label": LETTER,
            "unit": "token",
            "rounds": 1,
            "tokens": None if told.output_tokens is None else round(told.output_tokens),
            "joules_per_token": told.avg_energy_per_token_j if joules is not None else None,
            "tokens_per_second": told.avg_tokens_per_second,
            "seconds": seconds,
            "energy_joules": joules,
            "energy_above_idle_joules": told.energy_adjusted_j if joules is not None else None,
            "uncertainty_joules": None,
            "power_watts": {"mean": joules / seconds if joules and seconds else None, "peak": None},
            "ttft_seconds": metrics.ttft.seconds() if metrics else None,
            "itl_seconds": metrics.itl.seconds() if metrics else None,
            "e2e_seconds": metrics.e2e.seconds() if metrics else None,
            "attributable": joules is not None,
            "reasons": ["imported", *told.measurement_warnings],
        }

    def values(self, letter: str, metric: str) -> list[float | None]:
        """It is one round."""
        found = self.summary(letter)
        if metric in ("joules_per_token", "tokens_per_second"):
            return [found[metric]]
        name, _, rest = metric.partition("_")
        latency = found.get(f"{name}_seconds") if f"{name}_seconds" in _LATENCIES else None
        return [latency.get(rest.removesuffix("_seconds")) if latency else None]

    def measured(self, letter: str) -> dict[str, Any]:
        """Who measured the energy, how, and how often; what the bundle stores is not always what was read."""
        assert letter == LETTER, "a bundle has one arm"
        sampler = _sampler(self.config.declared_config)
        words = [f"sampler {sampler}" if sampler else None, self.config.measurement_methodology]
        words.append(self.result.reproducibility_notes)
        return {
            "by": self._by,
            "method": "; ".join(word for word in words if word) or None,
            "sampling_hz": None,
            "stored_hz": stored_hz(self.path / "timeseries.parquet"),
        }

    @property
    def _by(self) -> str:
        version = self.result.llenergymeasure_version
        if version is None and self.config.wattrace:  # one that was exported here
            return self.system.tool_version or "wattrace"
        return f"llenergymeasure {version or '(version unknown)'}"


def _at(tree: dict[str, Any], key: str) -> dict[str, Any]:
    branch = tree.get(key)
    return branch if isinstance(branch, dict) else {}


def _sampler(declared: dict[str, Any]) -> str | None:
    """The energy sampler that was asked for, wherever the version of the day keeps it."""
    for place in (declared, declared.get("measurement"), declared.get("energy")):
        found = place.get("energy_sampler") if isinstance(place, dict) else None
        if isinstance(found, str):
            return found
    return None
