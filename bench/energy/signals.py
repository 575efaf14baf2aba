"""What a GPU draws, in closed form: the energy up to any moment is known exactly."""

import math
from dataclasses import dataclass
from typing import Literal

LOW, HIGH = 100.0, 600.0
"""Watts that every signal moves between; a constant one stays at HIGH."""


@dataclass(frozen=True)
class Signal:
    """Power over time; times in seconds. A square wave is high first, a ramp falls back to low at its end.

    A burst or a ramp lasts from `begin` to `end`; with a `period` it comes again.
    """

    kind: Literal["constant", "square", "burst", "ramp"]
    period: float = 0.0
    duty: float = 0.5
    begin: float = 0.0
    end: float = 0.0

    def energy(self, t: float) -> float:
        """Joules from second 0 to second `t`; negative before 0."""
        if self.kind == "constant":
            return HIGH * t
        return LOW * t + (HIGH - LOW) * self._high_seconds(t)

    def joules(self, start: float, end: float) -> float:
        """Joules from `start` to `end`."""
        return self.energy(end) - self.energy(start)

    def _high_seconds(self, t: float) -> float:
        """Seconds at HIGH since `begin`, or what comes to the same energy."""
        since = t - self.begin
        cycles = math.floor(since / self.period) if self.period else 0
        rest = since - cycles * self.period
        return cycles * self._shape(self.period) + self._shape(rest) if cycles else self._shape(rest)

    def _shape(self, t: float) -> float:
        length = self.duty * self.period if self.kind == "square" else self.end - self.begin
        inside = min(max(t, 0.0), length)
        return inside * inside / (2 * length) if self.kind == "ramp" else inside

    def script(self) -> dict[str, object]:
        """The same signal in the words of the fake driver's script; a square wave's `begin` is its phase."""
        words: dict[str, object] = {"signal": self.kind, "low": LOW, "high": HIGH}
        if self.kind == "square":
            return words | {"period": self.period, "duty": self.duty, "signal_phase": self.begin}
        if self.kind in {"burst", "ramp"}:
            return words | {"from": self.begin, "to": self.end, "every": self.period, "signal_phase": 0}
        return words
