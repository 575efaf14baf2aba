"""What watching cost: inter-token latency, speed and watts of each way of watching against its like. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.compare import student_interval
from engine.ledger import Ledger
from engine.observer.conditions import Condition

_METRICS = ("itl_mean_seconds", "itl_p99_seconds", "tokens_per_second", "power_watts")
_FEWEST_BLOCKS = 2


def findings(ledger: Ledger, wanted: Sequence[Condition], cpu: Mapping[str, float]) -> list[dict[str, Any]]:
    """For each condition its figures, and how they differ from what it is compared with, in percent with 95 %.

    Watts are of steady states, from the counter's ticks at their ends, so that they mean the same whatever the rate. A
    simulated GPU looks at its load only when it is read: of its watts no change is told.
    """
    summaries = {found["label"]: found for found in ledger.summaries(rounds=True)}
    start = ledger.start
    told = [name for name in _METRICS if name != "power_watts" or not (start and start.simulated.get("power"))]
    values = {label: {name: _values(ledger, found, name) for name in _METRICS} for label, found in summaries.items()}
    return [
        {
            "label": each.label,
            "name": each.name,
            "rate_hz": each.rate_hz,
            "viewers": each.viewers,
            "against": each.against if each.against != each.label else None,
            "rounds": summaries[each.label]["rounds"],
            "sampler_cpu_percent": cpu.get(each.label),
            **{name: _mean(values[each.label][name]) for name in _METRICS},
            "change_percent": {name: _change(values[each.against][name], values[each.label][name]) for name in told}
            if each.against != each.label
            else None,
        }
        for each in wanted
    ]


def _values(ledger: Ledger, summary: Mapping[str, Any], name: str) -> list[float | None]:
    if name in {"itl_p99_seconds", "tokens_per_second"}:
        return ledger.values(summary["label"], name)
    return [_of_round(each, name) if each["complete"] else None for each in summary["per_round"]]


def _of_round(each: Mapping[str, Any], name: str) -> float | None:
    if name == "power_watts":
        watts: float | None = each["steady"]["power_watts"]["mean"]
        return watts
    # The mean pause of a stream: so many streams at once, so many tokens a second. Pauses one by one are no better,
    # where tokens that come together are read together.
    streams, speed = each["running_requests_mean"], each["steady"]["tokens_per_second"]
    return streams / speed if streams and speed else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _change(baseline: Sequence[float | None], other: Sequence[float | None]) -> dict[str, float | int | bool] | None:
    """The ratio of blocks as a verdict makes it, in percent of change; None before two blocks."""
    pairs = [(a, b) for a, b in zip(baseline, other, strict=False) if a and b and a > 0 and b > 0]
    if len(pairs) < _FEWEST_BLOCKS:
        return None
    interval = student_interval([math.log(b / a) for a, b in pairs])
    middle, low, high = (
        100 * math.expm1(x) for x in (interval.middle, interval.middle - interval.half, interval.middle + interval.half)
    )
    return {"value": middle, "low": low, "high": high, "decided": interval.excludes_zero, "blocks": len(pairs)}
