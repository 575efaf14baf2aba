"""The fields of a llenergymeasure bundle that are read here; others may be there. Pure."""

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict


def _known(value: float | None) -> float | None:
    """llenergymeasure writes 0 for what it could not measure, and cannot write that nothing was used."""
    return value if value is not None and math.isfinite(value) and value > 0 else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _mapping(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


Measured = Annotated[float | None, AfterValidator(_known)]
Number = Annotated[float | None, AfterValidator(_finite)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


class Percentiles(_Form):
    """Of one latency, in milliseconds."""

    p50_ms: Number = None
    p90_ms: Number = None
    p99_ms: Number = None

    def seconds(self) -> dict[str, float] | None:
        """As our summaries have them; None unless all are known."""
        if self.p50_ms is None or self.p90_ms is None or self.p99_ms is None:
            return None
        return {"p50": self.p50_ms / 1000, "p90": self.p90_ms / 1000, "p99": self.p99_ms / 1000}


class ServerMetrics(_Form):
    """Of one window of a server run."""

    completed_count: int | None = None
    error_count: int = 0
    timeout_count: int = 0
    ttft: Percentiles = Percentiles()
    itl: Percentiles = Percentiles()
    e2e: Percentiles = Percentiles()


class Result(_Form):
    """`result.json`."""

    bundle_version: str
    experiment_id: str
    declared_config_hash: str = ""
    llenergymeasure_version: str | None = None
    engine: str
    model_name: str
    input_tokens: int | None = None
    output_tokens: Measured = None
    total_energy_j: Measured = None
    total_inference_time_sec: Measured = None
    avg_tokens_per_second: Measured = None
    avg_energy_per_token_j: Measured = None
    energy_adjusted_j: Number = None
    measurement_warnings: list[str] = []
    reproducibility_notes: str | None = None
    server_metrics: ServerMetrics | None = None
    start_time: str
    timeseries: str | None = None


class Config(_Form):
    """`config.json`, as far as it tells how the measurement was made."""

    declared_config: Annotated[dict[str, Any], BeforeValidator(_mapping)] = {}
    observed_engine_params: Annotated[dict[str, Any], BeforeValidator(_mapping)] = {}
    measurement_methodology: str | None = None
    wattrace: Annotated[dict[str, Any], BeforeValidator(_mapping)] = {}
    """Only in bundles that wattrace has written."""


class _Gpu(_Form):
    name: str | None = None


class _Hardware(_Form):
    gpu: _Gpu = _Gpu()


class System(_Form):
    """`system.json`."""

    hardware: _Hardware = _Hardware()
    tool_version: str | None = None
