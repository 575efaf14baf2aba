"""`/metrics` in Prometheus's text format: the part of vLLM's metrics that the simulation has."""

from collections.abc import Collection
from typing import Any

from engine.simulator.batch import Batch


def exposition(batch: Batch[Any], model: str, only: Collection[str] = ()) -> str:
    """vLLM's gauges and counters for `batch`; `only` those names, if any."""
    counters = batch.counters
    label = model.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    plain = f'{{engine="0",model_name="{label}"}}'
    rows: list[tuple[str, str, str, float]] = [
        ("num_requests_running", "gauge", "Requests in the batch.", len(batch.running)),
        ("num_requests_waiting", "gauge", "Requests that wait for a slot.", len(batch.waiting)),
        ("kv_cache_usage_perc", "gauge", "Share of the cache in use; 1 is all of it.", batch.kv_usage),
        ("prefix_cache_queries_total", "counter", "Prompt tokens looked up.", counters.prefix_queries),
        ("prefix_cache_hits_total", "counter", "Prompt tokens found computed.", counters.prefix_hits),
        ("num_preemptions_total", "counter", "Requests put back to wait.", counters.preemptions),
        ("prompt_tokens_total", "counter", "Prompt tokens processed.", counters.prompt_tokens),
        ("generation_tokens_total", "counter", "Tokens generated.", counters.generated_tokens),
    ]
    lines: list[str] = []
    for name, kind, meaning, value in rows:
        if not only or f"vllm:{name}" in only:
            lines += [
                f"# HELP vllm:{name} {meaning}",
                f"# TYPE vllm:{name} {kind}",
                f"vllm:{name}{plain} {float(value)}",
            ]
    if not only or "vllm:request_success_total" in only:
        lines += _ended(counters.finished, counters.aborted, label)
    return "".join(line + "\n" for line in lines)


def _ended(finished: int, aborted: int, label: str) -> list[str]:
    lines = [
        "# HELP vllm:request_success_total Requests that ended.",
        "# TYPE vllm:request_success_total counter",
    ]
    for reason, count in (("finished", finished), ("abort", aborted)):
        labels = f'{{engine="0",finished_reason="{reason}",model_name="{label}"}}'
        lines.append(f"vllm:request_success_total{labels} {count}")
    return lines
