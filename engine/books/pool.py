"""The sum of many rounds, one added after the other: a frame must not cost more the longer a race lasts. Pure."""

from dataclasses import dataclass, field

from engine.books.figures import RoundFigures


@dataclass
class Pool:
    """What the steady states of some rounds come to together."""

    rounds: int = 0
    units: float = 0.0
    seconds: float = 0.0
    measured: int = 0
    """Rounds whose energy is known."""
    measured_units: float = 0.0
    joules: float = 0.0
    above_idle_joules: float | None = 0.0
    uncertainty_joules: float = 0.0
    watt_seconds: float = 0.0
    powered_seconds: float = 0.0
    peak_watts: float | None = None
    reasons: dict[str, None] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether the joules are those of all the units and seconds."""
        return 0 < self.measured == self.rounds

    def copy(self) -> "Pool":
        """An independent one."""
        return Pool(**{**vars(self), "reasons": dict(self.reasons)})

    def add(self, figures: RoundFigures) -> None:
        """One more round."""
        span = figures.steady
        self.rounds += 1
        self.units += span.units
        self.seconds += span.seconds
        self.reasons.update(dict.fromkeys(str(reason) for reason in figures.reasons))
        if span.power_mean_watts is not None:
            self.watt_seconds += span.power_mean_watts * span.seconds
            self.powered_seconds += span.seconds
        if span.power_peak_watts is not None:
            self.peak_watts = max(self.peak_watts or 0.0, span.power_peak_watts)
        if span.energy is None or span.energy_joules is None:
            return
        self.measured += 1
        self.measured_units += span.units
        self.joules += span.energy_joules
        self.uncertainty_joules += span.energy.uncertainty_joules or 0.0
        above = span.energy_above_idle_joules
        if self.above_idle_joules is not None:
            self.above_idle_joules = None if above is None else self.above_idle_joules + above
