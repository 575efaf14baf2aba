"""One turn of one arm, as documents tell it, and the figures that follow. Pure."""

from dataclasses import dataclass, field, replace

from engine.books.figures import Latencies, RoundFigures, Span
from engine.books.flow import Flow
from engine.books.instruments import Instruments, attributable
from engine.clock import NS
from engine.energy import WindowEnergy
from engine.validity import Reason

_FEWEST_POLLS = 3


@dataclass(slots=True)
class RequestTimes:
    """When one request was sent, first answered, and last heard of."""

    submitted_ns: int
    round: int
    prompt: str = ""
    first_ns: int | None = None
    last_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A request that had its first token, and is over."""

    first_ns: int
    last_ns: int
    prompt_tokens: int
    finished: bool


@dataclass(slots=True)
class RoundBooks:
    """One turn of one arm. `ends_ns` is the planned end, None where a number of requests decides."""

    number: int
    begun_ns: int
    ends_ns: int | None
    slots: int
    unit: str = "token"
    fixed_work: bool = False
    cutoff_ns: int | None = None
    drained_ns: int | None = None
    complete: bool = True
    first_tokens: int = 0
    steady_ns: int | None = None
    flow: Flow = field(default_factory=Flow)
    latencies: Latencies = field(default_factory=Latencies)
    answers: list[Answer] = field(default_factory=list)
    polls: list[tuple[int, float]] = field(default_factory=list)
    """Running requests by the server's own count."""
    settled: RoundFigures | None = None

    def first_token(self, t_ns: int) -> None:
        """One more request of this round has had its first token: full once every slot has one."""
        self.first_tokens += 1
        if self.first_tokens == self.slots:
            self.steady_ns = t_ns

    def progressed(self, t_ns: int, units: float) -> None:
        """A command told of its work. What it did until its first word is not of its steady state."""
        if self.steady_ns is None:
            self.steady_ns = t_ns + 1
        self.flow.add(t_ns, units)

    def answered(self, times: RequestTimes, *, prompt_tokens: int, finished: bool) -> None:
        """A request is over that had its first token."""
        if times.first_ns is None:
            return
        last_ns = times.last_ns or times.first_ns
        self.answers.append(Answer(times.first_ns, last_ns, prompt_tokens, finished))
        if finished:
            self.latencies.e2e.append((last_ns - times.submitted_ns) / NS)

    def figures(self, instruments: Instruments, now_ns: int) -> RoundFigures | None:
        """The round's figures up to its cutoff or `now_ns`; None before its steady state."""
        if self.settled is not None:
            return self.settled
        end_ns = self._end(now_ns)
        if self.steady_ns is None or end_ns <= self.steady_ns:
            return None
        over, devices = self.cutoff_ns is not None, instruments.devices
        energy = devices.snapped(self.steady_ns, end_ns, quick=not over) if devices else None
        start_ns, end_ns = (energy.start_ns, energy.end_ns) if energy else (self.steady_ns, end_ns)
        steady = self._span(start_ns, end_ns, energy, instruments)
        condition = instruments.condition(start_ns, end_ns)
        sensed = energy.reasons if energy else ()
        found = RoundFigures(
            number=self.number,
            steady=steady,
            total=self._total(instruments) if over else None,
            unit=self.unit,
            complete=self.complete,
            latencies=self.latencies.percentiles() if over else {},
            running_mean=self._running_mean(start_ns, end_ns) if over else None,
            condition=condition,
            reasons=tuple(dict.fromkeys((*sensed, *condition.reasons))),
            seconds_to_finish=self._seconds_to_finish(),
        )
        for reason in instruments.reasons(self.begun_ns, self.drained_ns or end_ns):
            found = flagged(found, reason)
        return found

    def settle(self, instruments: Instruments, now_ns: int) -> None:
        """Keep the figures for good, so that everybody may forget the samples and chunks that they came from."""
        self.settled = self.figures(instruments, now_ns)
        if self.settled is not None:
            self.flow, self.polls, self.answers = Flow(), [], []

    def _end(self, now_ns: int) -> int:
        end_ns = min(t for t in (now_ns, self.cutoff_ns, self.ends_ns) if t is not None)
        # What a command does after its last word nobody knows.
        return self.flow.last_until(end_ns) or end_ns if self.flow.continuous else end_ns

    def _total(self, instruments: Instruments) -> Span | None:
        if self.drained_ns is None or self.drained_ns <= self.begun_ns:
            return None
        devices = instruments.devices
        energy = devices.given(self.begun_ns, self.drained_ns) if devices else None
        return self._span(self.begun_ns, self.drained_ns, energy, instruments, whole=True)

    def _span(
        self,
        start_ns: int,
        end_ns: int,
        energy: WindowEnergy | None,
        instruments: Instruments,
        *,
        whole: bool = False,
    ) -> Span:
        finished = sum(answer.finished for answer in self.answers)
        units = self.flow.total if whole else self.flow.between(start_ns, end_ns)
        return Span(
            start_ns=start_ns,
            end_ns=end_ns,
            units=units,
            prompt_tokens=sum(a.prompt_tokens for a in self.answers if start_ns <= a.first_ns < end_ns),
            requests=finished if whole else (units * finished / self.flow.total if self.flow.total else 0.0),
            energy=energy if energy and energy.energy_joules is not None else None,
            idle_watts=instruments.idle_watts,
            power_mean_watts=energy.mean_watts if energy else None,
            power_peak_watts=instruments.devices.peak_watts(start_ns, end_ns) if instruments.devices else None,
        )

    def _running_mean(self, start_ns: int, end_ns: int) -> float | None:
        """By the server's own count where it told one, else as the clients saw it."""
        if self.flow.continuous or end_ns <= start_ns:
            return None
        polled = [running for t, running in self.polls if start_ns <= t <= end_ns]
        if len(polled) >= _FEWEST_POLLS:
            return sum(polled) / len(polled)
        spans = (min(a.last_ns, end_ns) - max(a.first_ns, start_ns) for a in self.answers)
        return sum(span for span in spans if span > 0) / (end_ns - start_ns)

    def _seconds_to_finish(self) -> float | None:
        if not self.fixed_work or not self.complete or self.drained_ns is None:
            return None
        return (self.drained_ns - self.begun_ns) / NS


def flagged(figures: RoundFigures, reason: Reason) -> RoundFigures:
    """The same figures with one more reason; the energy goes where it is no longer this arm's alone."""
    reasons = tuple(dict.fromkeys((*figures.reasons, reason)))
    if attributable([reason]):
        return replace(figures, reasons=reasons)
    total = replace(figures.total, energy=None) if figures.total else None
    return replace(figures, reasons=reasons, steady=replace(figures.steady, energy=None), total=total)
