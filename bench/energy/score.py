"""How far a figure was from the truth, and whether a case's demands were met by all of its trials."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.energy.boards import BOARDS
from bench.energy.cases import Case

GAIN_ERROR = 0.05
"""By how much boards' sensors differ: a counter that is off by less need not be caught."""

FALSE = frozenset({"counter_average_disagree", "counter_instant_disagree", "gap", "counter_reset"})
"""What nobody may say of a case that was not made so: a method that accuses everything finds every fault, too."""

_PLACED = 0.011
"""Seconds by which a tick may be misplaced: about a sample, at the slowest rate that is judged."""


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

    @property
    def accused(self) -> Sequence[Trial]:
        """The trials that the flags are asked of: a counter fed by the sensor is right at some phases, and may be."""
        if not self.case.counter_from_sensor:
            return self.trials
        return [trial for trial in self.trials if trial.error > GAIN_ERROR]

    def flagged(self, reason: str, *, among: Sequence[Trial] | None = None) -> int:
        """Trials that carry the reason."""
        return sum(reason in trial.reasons for trial in (self.trials if among is None else among))

    def wrong(self) -> list[str]:
        """What does not hold, in words."""
        case, count, accused = self.case, len(self.trials), self.accused
        said = []
        if self.misses:
            said.append(f"{self.misses} of {count} above {case.percent:g} %")
        if case.counter_from_sensor and len(accused) < count / 2:
            few = f"{len(accused)} of {count} only: too few to judge the flags by"
            said.append(f"off by more than {100 * GAIN_ERROR:.0f} % on {few}")
        said += self._moved()
        told = {flag: self.flagged(flag, among=accused) for flag in case.flags}
        said += [f"{flag} on {number} of {len(accused)}" for flag, number in told.items() if number < len(accused)]
        if case.valid is not None and (odd := sum(trial.valid != case.valid for trial in accused)):
            said.append(f"valid is {str(not case.valid).lower()} on {odd} of {len(accused)}")
        if false := sum(bool(FALSE - set(case.flags) & set(trial.reasons)) for trial in self.trials):
            said.append(f"accused without a reason on {false} of {count}")
        if case.inside_uncertainty and (outside := sum(not trial.covered for trial in self.trials)):
            said.append(f"{outside} of {count} outside the uncertainty")
        if case.methods and (others := {trial.method for trial in self.trials} - set(case.methods)):
            said.append(f"method {', '.join(sorted(others))}")
        return said

    def _moved(self) -> list[str]:
        """Edges may move by a tick where wattrace chooses the window, and not at all where it is given."""
        off = max(trial.edges_off for trial in self.trials)
        chosen = self.case.window == "seconds"
        if off <= (BOARDS[self.case.board].counter + _PLACED if chosen else 0):
            return []
        return [f"an edge moved by {1000 * off:.0f} ms, {'more than a tick' if chosen else 'and was given'}"]

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
