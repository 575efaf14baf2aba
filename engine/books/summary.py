"""One arm's summary, as `wattrace compare --json` and the `stop` document have it. Pure."""

from collections.abc import Sequence
from typing import Any

from engine.books.arm import ArmBooks
from engine.books.figures import Span, over, spelled, told
from engine.books.instruments import attributable
from engine.unknown import total, weighted_mean


def summary(books: ArmBooks, now_ns: int, *, rounds: bool = False) -> dict[str, Any]:
    """The figures of all rounds together; with `rounds` also each round's own under `per_round`.

    The top level is of the steady states; `total` has filling and draining too. Unknown is None: the energy, too, where
    that of one round is, lest it is divided by the work of all. Joules per unit are of the rounds where both are known.
    """
    figures, each = books.figures(now_ns), books.round_figures(now_ns)
    unit, totals = books.info.unit, [r.total for r in each if r.total is not None]
    found: dict[str, Any] = {
        "name": books.name,
        "label": books.label,
        "unit": unit,
        "rounds": figures.rounds,
        **_work(unit, figures.units, figures.joules_per_unit, figures.units_per_second),
        "seconds": figures.seconds,
        "energy_joules": figures.energy_joules if figures.is_whole else None,
        "energy_above_idle_joules": figures.energy_above_idle_joules,
        "uncertainty_joules": figures.uncertainty_joules if figures.is_whole else None,
        "power_watts": {"mean": figures.power_mean_watts, "peak": figures.power_peak_watts},
        **spelled(books.latencies()),
        "running_requests_mean": weighted_mean([(r.running_mean, r.steady.seconds) for r in each]),
        "temperature_celsius_max": max((t for r in each if (t := r.condition.temperature_celsius_max)), default=None),
        "clock_sm_megahertz_mean": weighted_mean(
            [(r.condition.clock_sm_megahertz_mean, r.steady.seconds) for r in each]
        ),
        "requests": {
            "finished": books.finished,
            "not_finished": books.failed,
            "completion_tokens": books.completion_tokens,
        },
        "steady": _together([r.steady for r in each], unit),
        "total": _together(totals, unit) | told(totals),
        "attributable": figures.energy_joules is not None and attributable(figures.reasons),
        "reasons": figures.reasons,
    }
    if rounds:
        found["per_round"] = [r.as_dict() for r in each]
    return found


def _work(unit: str, units: float, joules: float | None, speed: float | None) -> dict[str, Any]:
    if unit == "token":
        return {"tokens": round(units), "joules_per_token": joules, "tokens_per_second": speed}
    return {
        "tokens": None,
        "joules_per_token": None,
        "tokens_per_second": None,
        "units": units,
        "joules_per_unit": joules,
        "units_per_second": speed,
    }


def _together(spans: Sequence[Span], unit: str) -> dict[str, Any]:
    """Windows added up; energies only where all are known, and everything over the same windows."""
    joules = total([span.energy_joules for span in spans])
    above = total([span.energy_above_idle_joules for span in spans])
    units, seconds = sum(span.units for span in spans), sum(span.seconds for span in spans)
    found: dict[str, Any] = {"seconds": seconds, "energy_joules": joules, "energy_above_idle_joules": above}
    if unit != "token":
        return found | {
            "units": units,
            "joules_per_unit": over(joules, units),
            "units_per_second": over(units, seconds),
        }
    prompt_tokens, requests = sum(span.prompt_tokens for span in spans), sum(span.requests for span in spans)
    return found | {
        "tokens": round(units),
        "prompt_tokens": prompt_tokens,
        "requests": requests,
        "joules_per_token": over(joules, units),
        "joules_per_token_above_idle": over(above, units),
        "joules_per_total_token": over(joules, units + prompt_tokens),
        "joules_per_request": over(joules, requests) if all(span.valid for span in spans) else None,
        "tokens_per_second": over(units, seconds),
    }
