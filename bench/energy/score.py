"""How far a figure was from the truth, and whether a case's demands were met by all of its trials."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.energy.cases import Case


@dataclass(frozen=True)
class Trial:
    """One measurement of a known window. `error` is a share of the truth: infinite where no energy was given."""

    truth: float
    joules: float | None
    uncertainty: float | None = None
    reasons: tuple[str, ...] = ()
    valid: bool = True
    method: str = ""
    edges_off: float = 0.0
    """Seconds by which the window differs from the one asked for, at the worse edge."""

    @property
    def error(self) -> float:
        return math.inf if self.joules is None else abs(self.joules - self.truth) / self.truth

    @property
    def covered(self) -> bool:
        return self.joules is not None and abs(self.joules - self.truth) <= (self.uncertainty or 0) + 1e-3


@dataclass(frozen=True)
class Score:
    """All trials of one case."""

    case: Case
    trials: Sequence[Trial]

    @property
    def worst(self) -> float:
        """The largest error in percent."""
        return 100 * max(trial.error for trial in self.trials)

    @property
    def misses(self) -> int:
        """Trials above the threshold."""
        limit = math.inf if self.case.percent is None else self.case.percent
        return sum(100 * trial.error > limit for trial in self.trials)

    def flagged(self, reason: str) -> int:
        """Trials that carry the reason."""
        return sum(reason in trial.reasons for trial in self.trials)

    def wrong(self) -> list[str]:
        """What does not hold, in words."""
        case, count = self.case, len(self.trials)
        said = []
        if self.misses:
            said.append(f"{self.misses} of {count} above {case.percent:g} %")
        said += [f"{flag} on {self.flagged(flag)} of {count}" for flag in case.flags if self.flagged(flag) < count]
        if case.valid is not None and any(trial.valid != case.valid for trial in self.trials):
            said.append(f"valid is not {str(case.valid).lower()}")
        if case.inside_uncertainty and (outside := sum(not trial.covered for trial in self.trials)):
            said.append(f"{outside} of {count} outside the uncertainty")
        if case.methods and (odd := {trial.method for trial in self.trials} - set(case.methods)):
            said.append(f"method {', '.join(sorted(odd))}")
        return said

    def unasked(self) -> str:
        """Reasons that nobody asked for, with how often they came."""
        reasons = sorted({reason for trial in self.trials for reason in trial.reasons} - set(self.case.flags))
        return ", ".join(f"{reason} {self.flagged(reason)}" for reason in reasons)


def coverage(trials: Sequence[Trial]) -> tuple[float, float]:
    """The percentage of windows whose uncertainty covers the truth; median uncertainty over median error."""
    covered = 100 * sum(trial.covered for trial in trials) / len(trials)
    errors = [abs((trial.joules or 0) - trial.truth) for trial in trials]
    doubts = [trial.uncertainty or 0 for trial in trials]
    return covered, median(doubts) / median(errors) if median(errors) else math.inf
