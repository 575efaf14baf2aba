"""What a window, a round and an arm came to. Pure records: unknown is None."""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any, NamedTuple

from engine.clock import NS
from engine.conditions import Condition
from engine.energy import WindowEnergy
from engine.validity import Reason, is_valid


@dataclass(frozen=True, slots=True)
class Span:
    """Work and energy of one window of a round: its steady state, or all of it.

    `energy` is None without a power sensor, and where the device's energy is not this arm's alone.
    """

    start_ns: int
    end_ns: int
    units: float
    """Tokens that were generated, or what else the arm's work is counted in."""
    prompt_tokens: int = 0
    requests: float = 0.0
    """Answers; in a steady state units over an answer's mean length, since few begin and end in it."""
    energy: WindowEnergy | None = None
    idle_watts: float | None = None
    """What the arm's devices draw with everything loaded and nothing to do."""
    power_mean_watts: float | None = None
    """Of the device, whoever uses it."""
    power_peak_watts: float | None = None
    reasons: tuple[Reason, ...] = ()
    """What the sensors say about the energy, or why it is unknown."""

    @property
    def seconds(self) -> float:
        """The window's length."""
        return (self.end_ns - self.start_ns) / NS

    @property
    def energy_joules(self) -> float | None:
        """The energy, None where it is unknown."""
        return self.energy.energy_joules if self.energy else None

    @property
    def valid(self) -> bool:
        """Whether no sensor forbids to use the energy. Not by the weight of reasons alone: one may lack a witness."""
        return self.energy is None or self.energy.valid

    @property
    def energy_above_idle_joules(self) -> float | None:
        """The energy without what the idle device would have drawn in the same time."""
        if self.energy_joules is None or self.idle_watts is None:
            return None
        return self.energy_joules - self.idle_watts * self.seconds

    @property
    def joules_per_unit(self) -> float | None:
        """Energy over generated tokens (or units)."""
        return over(self.energy_joules, self.units)

    @property
    def joules_per_request(self) -> float | None:
        """Energy over answers; None where it is not valid, since this figure is told without the reasons."""
        return over(self.energy_joules, self.requests) if self.valid else None

    @property
    def units_per_second(self) -> float | None:
        """Generated tokens (or units) over time."""
        return over(self.units, self.seconds)

    def as_dict(self, unit: str) -> dict[str, Any]:
        """The figures, as JSON has them."""
        above, tokens = self.energy_above_idle_joules, unit == "token"
        found: dict[str, Any] = {
            "start_t_ns": self.start_ns,
            "end_t_ns": self.end_ns,
            "seconds": self.seconds,
            **({"tokens": round(self.units)} if tokens else {"units": self.units}),
            "energy_joules": self.energy_joules,
            "energy_above_idle_joules": above,
            "uncertainty_joules": self.energy.uncertainty_joules if self.energy else None,
            "power_watts": {"mean": self.power_mean_watts, "peak": self.power_peak_watts},
            **({} if self.valid else {"valid": False}),
        }
        if not tokens:
            return found | {"joules_per_unit": self.joules_per_unit, "units_per_second": self.units_per_second}
        return found | {
            "prompt_tokens": self.prompt_tokens,
            "requests": self.requests,
            "joules_per_token": self.joules_per_unit,
            "joules_per_token_above_idle": over(above, self.units),
            "joules_per_total_token": over(self.energy_joules, self.units + self.prompt_tokens),
            "joules_per_request": self.joules_per_request,
            "tokens_per_second": self.units_per_second,
        }


class Percentiles(NamedTuple):
    """The middle, and the tail."""

    p50: float
    p90: float
    p99: float

    def as_dict(self) -> dict[str, float]:
        """As JSON has them."""
        return self._asdict()


@dataclass(frozen=True, slots=True)
class RoundFigures:
    """What one round came to: `steady` leaves filling and draining out, `total` (once it is over) has them."""

    number: int
    steady: Span
    total: Span | None
    unit: str = "token"
    complete: bool = True
    latencies: dict[str, Percentiles | None] = field(default_factory=dict)
    running_mean: float | None = None
    """Requests computed at once in the steady state, on average."""
    condition: Condition = field(default_factory=Condition)
    reasons: tuple[Reason, ...] = ()
    """What there is to say against, or about, these figures; the total has reasons of its own besides."""
    seconds_to_finish: float | None = None
    """How long a fixed number of requests took; None in a round that time ends."""

    def value(self, metric: str) -> float | None:
        """The figure called `metric`, as verdicts compare it; None where it is unknown or has no meaning.

        Energy that is not valid decides nothing; no figure does of a round that the audience worked on.
        """
        tokens, valid = self.unit == "token", self.steady.valid and is_valid(self.reasons)
        if Reason.CROWD_LOAD in self.reasons or (metric.startswith("joules_") and not valid):
            return None
        match metric:
            case "joules_per_token" | "joules_per_unit":
                return self.steady.joules_per_unit if tokens == (metric == "joules_per_token") else None
            case "tokens_per_second" | "units_per_second":
                return self.steady.units_per_second if tokens == (metric == "tokens_per_second") else None
            case "joules_per_request":
                return self.total.joules_per_request if self.total and tokens else None
            case "seconds_to_finish":
                return self.seconds_to_finish
            case _:
                name, _, rest = metric.partition("_")
                found = self.latencies.get(f"{name}_seconds")
                return getattr(found, rest.removesuffix("_seconds"), None)

    def as_dict(self) -> dict[str, Any]:
        """The figures, as JSON has them."""
        return {
            "round": self.number,
            "complete": self.complete,
            "steady": self.steady.as_dict(self.unit),
            "total": self.total.as_dict(self.unit) | told([self.total]) if self.total else None,
            "seconds_to_finish": self.seconds_to_finish,
            **spelled(self.latencies),
            "running_requests_mean": self.running_mean,
            **self.condition.as_dict(),
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class ArmFigures:
    """An arm's figures, pooled over the steady states of its rounds; unknown is None."""

    rounds: int
    units: float
    seconds: float
    energy_joules: float | None
    """Of the rounds whose energy is known, which did `measured_units`."""
    energy_above_idle_joules: float | None
    """Of all rounds; None where that of one is unknown."""
    uncertainty_joules: float | None
    joules_per_unit: float | None
    power_mean_watts: float | None
    power_peak_watts: float | None
    units_per_second: float | None
    running: int
    reasons: list[str]
    measured_units: float = 0.0
    is_whole: bool = False
    """Whether the energy of every round is known, so that it may stand beside `units` and `seconds`."""


def told(spans: Iterable[Span]) -> dict[str, Any]:
    """What sensors say of these windows' energy: each code with how many it is about, numbers being what tables take.

    Nothing where there is nothing.
    """
    found = Counter(str(reason) for span in spans for reason in span.reasons)
    return {"reasons": dict(found)} if found else {}


def spelled(latencies: Mapping[str, Percentiles | None]) -> dict[str, dict[str, float] | None]:
    """Percentiles by the name of what was waited for, as JSON has them."""
    return {name: found.as_dict() if found else None for name, found in latencies.items()}


def percentiles(values: "Sequence[float] | array[float]") -> Percentiles | None:
    """p50, p90 and p99 by linear interpolation between order statistics; None without values."""
    if not values:
        return None
    if len(values) == 1:
        return Percentiles(values[0], values[0], values[0])
    cuts = quantiles(values, n=100, method="inclusive")
    return Percentiles(cuts[49], cuts[89], cuts[98])


def over(amount: float | None, parts: float) -> float | None:
    """`amount` over `parts`; None where that is not known."""
    return amount / parts if amount is not None and parts > 0 else None
