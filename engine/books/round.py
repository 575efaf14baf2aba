"""One turn of one arm, as documents tell it, and the figures that follow. Pure."""

from dataclasses import dataclass, field, replace

from engine.books.figures import RoundFigures, Span
from engine.books.instruments import Instruments, attributable
from engine.books.work import Work
from engine.clock import NS
from engine.energy import WindowEnergy
from engine.validity import Reason


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
    work: Work | None = field(default_factory=Work)
    """Forgotten when the figures are settled: a race of an hour has a thousand rounds."""
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
        if self.work is not None:
            self.work.flow.add(t_ns, units)

    def figures(self, instruments: Instruments, now_ns: int) -> RoundFigures | None:
        """The round's figures up to its cutoff or `now_ns`; None before its steady state."""
        if self.settled is not None or self.work is None:
            return self.settled
        end_ns = self._end(now_ns, self.work)
        if self.steady_ns is None or end_ns <= self.steady_ns:
            return None
        over, devices = self.cutoff_ns is not None, instruments.devices
        energy = devices.snapped(self.steady_ns, end_ns, quick=not over) if devices else None
        start_ns, end_ns = (energy.start_ns, energy.end_ns) if energy else (self.steady_ns, end_ns)
        steady = self._span(start_ns, end_ns, energy, instruments, self.work)
        condition = instruments.condition(start_ns, end_ns)
        found = RoundFigures(
            number=self.number,
            steady=steady,
            total=self._total(instruments, self.work) if over else None,
            unit=self.unit,
            complete=self.complete,
            latencies=self.work.latencies.percentiles() if over else {},
            running_mean=self.work.running_mean(start_ns, end_ns) if over else None,
            condition=condition,
            reasons=tuple(dict.fromkeys((*steady.reasons, *condition.reasons))),
            seconds_to_finish=self._seconds_to_finish(),
        )
        for reason in instruments.reasons(self.begun_ns, self.drained_ns or end_ns):
            found = flagged(found, reason)
        return found

    def settle(self, instruments: Instruments, now_ns: int) -> None:
        """Keep the figures for good, so that everybody may forget the samples and chunks that they came from."""
        self.settled = self.figures(instruments, now_ns)
        if self.settled is not None:
            self.work = None

    def _end(self, now_ns: int, work: Work) -> int:
        end_ns = min(t for t in (now_ns, self.cutoff_ns, self.ends_ns) if t is not None)
        # What a command does after its last word nobody knows.
        return work.flow.last_until(end_ns) or end_ns if work.flow.continuous else end_ns

    def _total(self, instruments: Instruments, work: Work) -> Span | None:
        if self.drained_ns is None or self.drained_ns <= self.begun_ns:
            return None
        devices = instruments.devices
        energy = devices.given(self.begun_ns, self.drained_ns) if devices else None
        return self._span(self.begun_ns, self.drained_ns, energy, instruments, work, whole=True)

    def _span(
        self,
        start_ns: int,
        end_ns: int,
        energy: WindowEnergy | None,
        instruments: Instruments,
        work: Work,
        *,
        whole: bool = False,
    ) -> Span:
        finished, flow = work.finished, work.flow
        units = flow.total if whole else flow.between(start_ns, end_ns)
        return Span(
            start_ns=start_ns,
            end_ns=end_ns,
            units=units,
            prompt_tokens=work.prompt_tokens(start_ns, end_ns),
            requests=finished if whole else (units * finished / flow.total if flow.total else 0.0),
            energy=energy if energy and energy.energy_joules is not None else None,
            idle_watts=instruments.idle_watts,
            power_mean_watts=energy.mean_watts if energy else None,
            power_peak_watts=instruments.devices.peak_watts(start_ns, end_ns) if instruments.devices else None,
            reasons=energy.reasons if energy else (),
        )

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
