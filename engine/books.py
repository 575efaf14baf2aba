"""One arm's books: its rounds, and the figures that follow from them. Pure."""

import statistics
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.clock import NS
from engine.energy import EnergyMeter, WindowEnergy
from engine.validity import Reason


@dataclass
class RequestTimes:
    """When one request was sent, first answered, and last heard of."""

    submitted_ns: int
    round: int
    prompt: str = ""
    first_ns: int | None = None
    last_ns: int | None = None


@dataclass(frozen=True)
class RoundFigures:
    """What one round came to over its steady state; the total includes filling and draining."""

    seconds: float
    tokens: int
    energy: WindowEnergy | None
    power_mean_watts: float | None
    power_peak_watts: float | None
    total_tokens: int
    total_energy_joules: float | None
    reasons: tuple[Reason, ...] = ()
    """What the sensors hold against the energy."""

    @property
    def joules_per_token(self) -> float | None:
        """Energy over tokens of the same window; None where either is unknown or nothing came."""
        joules = self.energy.energy_joules if self.energy else None
        return _over(joules, self.tokens)

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens over the window's length."""
        return self.tokens / self.seconds if self.seconds > 0 else None


@dataclass
class RoundBooks:
    """One turn of one arm, as it is being told by documents."""

    number: int
    begun_ns: int
    ends_ns: int
    slots: int
    cutoff_ns: int | None = None
    drained_ns: int | None = None
    complete: bool = True
    first_tokens: int = 0
    steady_ns: int | None = None
    chunk_ns: "array[int]" = field(default_factory=lambda: array("q"))
    tokens_so_far: "array[int]" = field(default_factory=lambda: array("q"))
    settled: RoundFigures | None = None

    def first_token(self, t_ns: int) -> None:
        """One more request of this round has had its first token: full once every slot has one."""
        self.first_tokens += 1
        if self.first_tokens == self.slots:
            self.steady_ns = t_ns

    def chunk(self, t_ns: int, tokens: int) -> None:
        """`tokens` arrived at `t_ns`."""
        before = self.tokens_so_far[-1] if self.tokens_so_far else 0
        self.chunk_ns.append(t_ns)
        self.tokens_so_far.append(before + tokens)

    def tokens_between(self, start_ns: int, end_ns: int) -> int:
        """Tokens that arrived from `start_ns` (included) to `end_ns` (excluded)."""
        return self._until(end_ns) - self._until(start_ns)

    def _until(self, t_ns: int) -> int:
        at = bisect_left(self.chunk_ns, t_ns)
        return self.tokens_so_far[at - 1] if at else 0

    def figures(self, meter: EnergyMeter | None, now_ns: int) -> RoundFigures | None:
        """The round's figures up to its cutoff or `now_ns`; None before its steady state."""
        if self.settled is not None:
            return self.settled
        end_ns = min(self.cutoff_ns if self.cutoff_ns is not None else self.ends_ns, now_ns)
        if self.steady_ns is None or end_ns <= self.steady_ns:
            return None
        over = self.cutoff_ns is not None
        energy = meter.snapped(self.steady_ns, end_ns, quick=not over) if meter else None
        start_ns, end_ns = (energy.start_ns, energy.end_ns) if energy else (self.steady_ns, end_ns)
        total = meter.given(self.begun_ns, self.drained_ns or end_ns) if meter and over else None
        return RoundFigures(
            seconds=(end_ns - start_ns) / NS,
            tokens=self.tokens_between(start_ns, end_ns),
            energy=energy if energy and energy.energy_joules is not None else None,
            power_mean_watts=energy.mean_watts if energy else None,
            power_peak_watts=meter.peak_watts(start_ns, end_ns) if meter else None,
            total_tokens=self.tokens_so_far[-1] if self.tokens_so_far else 0,
            total_energy_joules=total.energy_joules if total else None,
            reasons=energy.reasons if energy else (),
        )


@dataclass(frozen=True)
class ArmFigures:
    """An arm's figures, pooled over the steady states of its rounds; unknown is None."""

    rounds: int
    tokens: int
    seconds: float
    energy_joules: float | None
    uncertainty_joules: float | None
    joules_per_token: float | None
    power_mean_watts: float | None
    power_peak_watts: float | None
    tokens_per_second: float | None
    running: int
    reasons: list[str]


class ArmBooks:
    """All that documents have said about one arm."""

    def __init__(self, *, label: str, name: str, reasons: Sequence[str] = ()) -> None:
        self.label, self.name = label, name
        self.state, self.reason = "pending", ""
        self.rounds: list[RoundBooks] = []
        self.requests: dict[int, RequestTimes] = {}
        self.ttft_seconds = array("d")
        self.itl_seconds = array("d")
        self.finished = 0
        self.completion_tokens = 0
        self.failed = 0
        self.base_reasons = list(reasons)

    @property
    def running(self) -> int:
        """Requests that have had their first token and are not finished."""
        return sum(1 for times in self.requests.values() if times.first_ns is not None)

    def submitted(self, request: int, t_ns: int, number: int, prompt: str) -> None:
        """A request was sent."""
        self.requests[request] = RequestTimes(t_ns, number, prompt)

    def first_token(self, request: int, t_ns: int) -> None:
        """Its first token came."""
        times = self.requests.get(request)
        if times is None:
            return
        times.first_ns = t_ns
        self.ttft_seconds.append((t_ns - times.submitted_ns) / NS)
        if self.rounds and self.rounds[-1].number == times.round:
            self.rounds[-1].first_token(t_ns)

    def chunk(self, request: int, t_ns: int, tokens: int) -> None:
        """A piece of an answer came, with so many tokens."""
        times = self.requests.get(request)
        if times is not None:
            if times.last_ns is not None and tokens:
                self.itl_seconds.append((t_ns - times.last_ns) / NS)
            times.last_ns = t_ns
        if self.rounds and tokens:
            self.rounds[-1].chunk(t_ns, tokens)

    def ended(self, request: int, *, completion_tokens: int | None) -> None:
        """A request is over; None tokens: it failed or was withdrawn."""
        self.requests.pop(request, None)
        if completion_tokens is None:
            self.failed += 1
            return
        self.finished += 1
        self.completion_tokens += completion_tokens

    def settle(self, meter: EnergyMeter | None, now_ns: int) -> None:
        """Keep the last round's figures for good, so that the meter may forget its samples."""
        if not self.rounds or self.rounds[-1].cutoff_ns is None:
            return
        last = self.rounds[-1]
        last.settled = last.figures(meter, now_ns)
        if last.settled is not None:
            last.chunk_ns, last.tokens_so_far = array("q"), array("q")

    def round_figures(self, meter: EnergyMeter | None, now_ns: int) -> list[RoundFigures]:
        """Figures of every round that has reached its steady state."""
        all_rounds = (books.figures(meter, now_ns) for books in self.rounds)
        return [figures for figures in all_rounds if figures is not None]

    def finished_rounds(self, meter: EnergyMeter | None, now_ns: int) -> list[RoundFigures | None]:
        """Figures of the whole rounds in their order; None for one that never got full."""
        whole = (books for books in self.rounds if books.cutoff_ns is not None and books.complete)
        return [books.figures(meter, now_ns) for books in whole]

    def figures(self, meter: EnergyMeter | None, now_ns: int) -> ArmFigures:
        """The pooled figures at `now_ns`."""
        rounds = self.round_figures(meter, now_ns)
        measured = [(figures.energy, figures.tokens) for figures in rounds if figures.energy is not None]
        joules = sum(energy.energy_joules or 0.0 for energy, _ in measured) if measured else None
        measured_tokens = sum(tokens for _, tokens in measured)
        measured_seconds = sum(energy.seconds for energy, _ in measured)
        seconds = sum(figures.seconds for figures in rounds)
        tokens = sum(figures.tokens for figures in rounds)
        peaks = [figures.power_peak_watts for figures in rounds if figures.power_peak_watts is not None]
        return ArmFigures(
            rounds=sum(1 for books in self.rounds if books.cutoff_ns is not None),
            tokens=tokens,
            seconds=seconds,
            energy_joules=joules,
            uncertainty_joules=sum(e.uncertainty_joules or 0.0 for e, _ in measured) if measured else None,
            joules_per_token=_over(joules, measured_tokens),
            power_mean_watts=_over(joules, measured_seconds),
            power_peak_watts=max(peaks, default=None),
            tokens_per_second=_over(tokens, seconds),
            running=self.running,
            reasons=self.reasons(rounds),
        )

    def reasons(self, rounds: Sequence[RoundFigures]) -> list[str]:
        """Codes of what a reader must know about these figures."""
        cut = [Reason.INCOMPLETE_ROUND] if any(not books.complete for books in self.rounds) else []
        sensed = [reason for figures in rounds for reason in figures.reasons]
        return list(dict.fromkeys([*self.base_reasons, *cut, *sensed]))

    def latencies(self) -> dict[str, dict[str, float] | None]:
        """Percentiles of time to first token and of inter-token latency, in seconds."""
        return {
            "ttft_seconds": percentiles(self.ttft_seconds),
            "itl_seconds": percentiles(self.itl_seconds),
        }


def percentiles(values: "Sequence[float] | array[float]") -> dict[str, float] | None:
    """p50, p90 and p99 by linear interpolation between order statistics; None without values."""
    if not values:
        return None
    if len(values) == 1:
        return {"p50": values[0], "p90": values[0], "p99": values[0]}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98]}


def summary(books: ArmBooks, meter: EnergyMeter | None, now_ns: int, idle_watts: float | None = None) -> dict[str, Any]:
    """One arm's summary, as `wattrace compare --json` and the `stop` document have it."""
    figures = books.figures(meter, now_ns)
    rounds = books.round_figures(meter, now_ns)
    totals = [r.total_energy_joules for r in rounds]
    return {
        "name": books.name,
        "label": books.label,
        "rounds": figures.rounds,
        "tokens": figures.tokens,
        "seconds": figures.seconds,
        "energy_joules": figures.energy_joules,
        "energy_above_idle_joules": _above(figures.energy_joules, idle_watts, figures.seconds),
        "uncertainty_joules": figures.uncertainty_joules,
        "joules_per_token": figures.joules_per_token,
        "power_watts": {"mean": figures.power_mean_watts, "peak": figures.power_peak_watts},
        "tokens_per_second": figures.tokens_per_second,
        **books.latencies(),
        "requests": {
            "finished": books.finished,
            "not_finished": books.failed,
            "completion_tokens": books.completion_tokens,
        },
        "total": {
            "tokens": sum(r.total_tokens for r in rounds),
            "energy_joules": sum(t for t in totals if t is not None) if None not in totals and totals else None,
        },
        "attributable": figures.energy_joules is not None,
        "reasons": figures.reasons,
    }


def _over(amount: float | None, parts: float) -> float | None:
    return amount / parts if amount is not None and parts > 0 else None


def _above(joules: float | None, idle_watts: float | None, seconds: float) -> float | None:
    return joules - idle_watts * seconds if joules is not None and idle_watts is not None else None
