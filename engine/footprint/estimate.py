"""An arm's energy for one token and for one answer, with the range that its rounds and its sensor leave open. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Any

from engine.compare import student_half_width
from engine.validity import Reason, is_valid


@dataclass(frozen=True)
class Estimate:
    """A positive quantity and its 95 % range; the bounds are None where fewer than two rounds tell of it."""

    value: float
    low: float | None
    high: float | None
    rounds: int

    def times(self, factor: float, low: float | None = None, high: float | None = None) -> "Estimate":
        """In another unit, `factor` of which make one of this; a factor with a range widens this one by all of it."""
        return Estimate(
            self.value * factor,
            None if self.low is None else self.low * (factor if low is None else low),
            None if self.high is None else self.high * (factor if high is None else high),
            self.rounds,
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"value": self.value, "low": self.low, "high": self.high, "rounds": self.rounds}


def energy_estimates(arm: Mapping[str, Any]) -> dict[str, Estimate]:
    """Joules for one token (of the steady states) and one answer (of whole rounds), or for one unit of other work.

    `arm` is a summary with its rounds, as `compare --json` has it; what is unknown of it is left out.
    """
    unit = arm["unit"] if arm["unit"] == "token" else "unit"
    found = {unit: _estimate(arm, "steady", f"joules_per_{unit}")}
    if unit == "token":
        found["answer"] = _estimate(arm, "total", "joules_per_request")
    return {name: estimate for name, estimate in found.items() if estimate is not None}


def _estimate(arm: Mapping[str, Any], window: str, name: str) -> Estimate | None:
    """The value of all rounds together, as every table has it.

    The range is that of two doubts in quadrature: how the rounds scatter (Student's interval of their logarithms, as
    verdicts have it), and what each round's energy is uncertain by, taken as the same error in all of them.
    """
    value = arm[window][name]
    rounds = [each[window] for each in arm["per_round"] if _counts(each) and each[window]]
    rounds = [each for each in rounds if each[name] is not None and each[name] > 0 and each.get("valid", True)]
    if value is None or value <= 0 or not rounds:
        return None
    scatter, doubt = _scatter([each[name] for each in rounds]), _doubt(rounds)
    if scatter is None:
        return Estimate(value, None, None, len(rounds))
    half = math.hypot(scatter, doubt)
    return Estimate(value, value * math.exp(-half), value * math.exp(half), len(rounds))


def _counts(found: Mapping[str, Any]) -> bool:
    """Whether a round's energy decides anything, as in verdicts."""
    return bool(found["complete"]) and is_valid(Reason(code) for code in found["reasons"])


def _scatter(values: Sequence[float]) -> float | None:
    """Half the 95 % interval of the mean logarithm."""
    if len(values) < 2:
        return None
    return student_half_width(len(values)) * stdev(math.log(value) for value in values)


def _doubt(rounds: Sequence[Mapping[str, Any]]) -> float:
    """The share of their energy that the rounds are uncertain by."""
    joules = sum(each["energy_joules"] for each in rounds)
    return sum(each["uncertainty_joules"] or 0.0 for each in rounds) / joules if joules > 0 else 0.0
