"""What may have gone inside a tick of the counter: the bounds that the sensors leave, and the likeliest. Pure.

The instant field tells the power of the sensor's windows (25 of every 100 ms on an H100), the counter how much energy
went from tick to tick. In each gap between windows the power is taken to step at most once, from the power before it
to the power after it; the counter's rises then bound when. Where that explains a tick, what is left open at any moment
of it is an interval of energies, often a narrow one. Where it does not, or where the power steps in nearly every gap,
so that it may as well step more often, any course between the lowest and the highest power around may be the true one.
"""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from engine.clock import NS
from engine.energy.gaps import LOOSE_NS, Gap, Piece, Unseen, gaps_between, joules_in, resolved, shares
from engine.energy.noise import noise_watts

_SWEEPS = 3
"""How often what one tick says about a step is passed on to the next tick."""

_QUIET_SIGMAS, _QUIET_SHARE = 6, 0.005
"""A change by less than this, in noise and in the swing around, is no step."""

_ALIASED = 0.75
"""If the power steps by a third of its swing in this share of the gaps, or one step cannot explain this share of the
ticks, it may step more often than is seen."""

_NOTHING_UNSEEN = Unseen()

Kind = Literal["straight", "stepped", "open", "aliased"]


class Span(NamedTuple):
    """From one tick to the next, and the counter's rise."""

    begin_ns: int
    end_ns: int
    joules: float

    @property
    def watts(self) -> float:
        """Mean power."""
        return self.joules * NS / max(self.end_ns - self.begin_ns, 1)


class Bounds(NamedTuple):
    """Joules from the tick to a moment: at least, at most, likeliest; and the power at that moment."""

    low: float
    high: float
    guess: float
    watts: float
    lever_seconds: float
    """Noise of the windows' power enters the guess times this."""


class Course:
    """The power around `spans`, which follow each other, as `windows` of the instant field saw it."""

    def __init__(self, spans: Sequence[Span], windows: Sequence[Piece], unseen: Unseen = _NOTHING_UNSEEN) -> None:
        self._spans, self._seen = spans, windows
        self.noise_watts = noise_watts([window.watts for window in windows])
        low, high = min(window.watts for window in windows), max(window.watts for window in windows)
        self._quiet = _QUIET_SIGMAS * self.noise_watts + _QUIET_SHARE * (high - low)
        least, most = min([low, *unseen.around_watts]), max([high, *unseen.around_watts])
        self._low, self._high = _levels(spans, least, most, unseen.swing_watts)
        clear, odd = resolved(windows, self._quiet)
        self._windows, self._gaps = gaps_between(clear, self._quiet, self.noise_watts)
        odd = [window for at, window in enumerate(clear) if window in odd and not self._on_slope(at)]
        swings = [abs(later.watts - earlier.watts) > 0.3 * (high - low) for earlier, later in pairwise(windows)]
        aliased = bool(unseen.swing_watts) or (high - low > self._quiet and sum(swings) >= _ALIASED * len(swings))
        self._open = {number for number in range(len(spans)) if any(each.overlaps(*spans[number][:2]) for each in odd)}
        holes = [Piece(*hole, 0.0) for hole in unseen.holes]
        self._open |= {number for number, span in enumerate(spans) if any(each.overlaps(*span[:2]) for each in holes)}
        self._stepped = {n for n, s in enumerate(spans) if any(not gap.straight for gap in self._gaps_in(*s[:2]))}
        self._solve()
        self._doubt_neighbours()
        self._aliased = aliased or len(self._open) >= _ALIASED * len(spans)
        self._unmixed = False
        if self._aliased:
            self._widen()

    def _widen(self) -> None:
        """Aliased windows show mixtures: the load moves at least between a quarter and seven quarters of its mean.

        Where they swing by as much as the mean, they are hardly mixtures: the simplest course is likeliest.
        """
        middle = statistics.fmean(span.watts for span in self._spans)
        self._unmixed = self._high - self._low >= middle
        self._low, self._high = min(self._low, middle / 4), max(self._high, 1.75 * middle)

    def _on_slope(self, at: int) -> bool:
        beside = self._gaps[max(at - 1, 0) : at + 1]
        return any(gap.straight and abs(gap.after - gap.before) > self._quiet for gap in beside)

    def _gaps_in(self, begin_ns: float, end_ns: float) -> list[Gap]:
        return [gap for gap in self._gaps if gap.end_ns > begin_ns and gap.begin_ns < end_ns]

    # -- what the counter says about the steps

    def _solve(self) -> None:
        # Of a tick that no window covers to its end the gaps do not hold all.
        forth = [number for number in range(len(self._spans)) if self.reaches(number)]
        for _ in range(_SWEEPS):
            for number in (*forth, *reversed(forth)):
                if number not in self._open and not self._narrow(self._spans[number]):
                    self._open.add(number)

    def _narrow(self, span: Span) -> bool:
        """Bound the steps by this tick's rise; False when one step in each gap cannot explain it."""
        begin, end, joules = span
        gaps = self._gaps_in(begin, end)
        parts = [gap.joules(begin, end) for gap in gaps]
        least, most = self._range(begin, end)
        swing = sum(abs(gap.after - gap.before) for gap in gaps)
        loose = (3 * self.noise_watts * (end - begin) + swing * LOOSE_NS) / NS
        if not least - loose <= joules <= most + loose:
            return False
        for gap, (low, high) in zip(gaps, parts, strict=True):
            gap.narrow(begin, end, joules - (most - high) - loose, joules - (least - low) + loose)
        return True

    def _range(self, begin_ns: float, end_ns: float) -> tuple[float, float]:
        """Least and most joules between two times."""
        seen = joules_in(self._windows, begin_ns, end_ns)
        parts = [gap.joules(begin_ns, end_ns) for gap in self._gaps_in(begin_ns, end_ns)]
        return seen + sum(low for low, _ in parts), seen + sum(high for _, high in parts)

    def _doubt_neighbours(self) -> None:
        """Open the ticks that share an in-between power with an unexplained one, or have too many such around."""
        spans, open_before = self._spans, set(self._open)
        between = {
            window.watts
            for number in open_before
            for window in self._seen
            if window.overlaps(*spans[number][:2])
            and self._quiet < min(window.watts - self._low, self._high - window.watts)
        }
        for number in self._stepped:
            others = (self._stepped | open_before) - {number}
            crowded = len(open_before & others) > max(0.5 * len(others), 2)
            gaps = self._gaps_in(*spans[number][:2])
            if crowded or any(watts in between for gap in gaps for watts in (gap.before, gap.after)):
                self._open.add(number)

    # -- answers

    def reaches(self, number: int) -> bool:
        """Whether the windows cover the whole tick."""
        begin, end, _ = self._spans[number]
        return self._windows[0].begin_ns <= begin and self._windows[-1].end_ns >= end

    def kind(self, number: int) -> Kind:
        """How the tick's inside is known."""
        if self._aliased:
            return "aliased"
        if number in self._open:
            return "open"
        return "stepped" if number in self._stepped else "straight"

    def slope_watts(self, number: int) -> float:
        """The largest change of a slope in or next to the tick: a step beside it does not end it exactly."""
        begin, end, _ = self._spans[number]
        inside = [at for at, gap in enumerate(self._gaps) if gap.end_ns > begin and gap.begin_ns < end]
        near = self._gaps[max(inside[0] - 1, 0) : inside[-1] + 2] if inside else []
        changes = [abs(gap.after - gap.before) for gap in near if gap.straight]
        return max((change for change in changes if change > _QUIET_SIGMAS * self.noise_watts), default=0.0)

    def at(self, number: int, t_ns: int) -> Bounds:
        """What may have gone since the tick began."""
        span, kind = self._spans[number], self.kind(number)
        if kind in {"straight", "stepped"}:
            return self._simplest(number, t_ns)
        anything = self._anything(span, t_ns)
        if kind == "open" or number in self._open or not self._unmixed:
            return anything
        guess = self._simplest(number, t_ns).guess
        return anything._replace(guess=min(max(guess, anything.low), anything.high))

    def _simplest(self, number: int, t_ns: int) -> Bounds:
        """No more than one step in each gap."""
        span = self._spans[number]
        left, right = self._range(span.begin_ns, t_ns), self._range(t_ns, span.end_ns)
        right = (span.joules - right[1], span.joules - right[0])
        before, after = (t_ns - span.begin_ns) / NS, (span.end_ns - t_ns) / NS
        if number not in self._stepped:
            along = before / (before + after)
            guess = left[0] * (1 - along) + right[0] * along
            apart = abs(left[0] - right[0]) * along * (1 - along)
            return Bounds(guess - apart, guess + apart, guess, self._watts(t_ns), self._lever(span, t_ns, along))
        lever = before if left[1] - left[0] <= right[1] - right[0] else after
        low, high = sorted((max(left[0], right[0]), min(left[1], right[1])))
        return Bounds(low, high, (low + high) / 2, self._watts(t_ns), lever)

    def _lever(self, span: Span, t_ns: int, along: float) -> float:
        """Each window's noise enters the guess of a straight course by its share before the moment and after it."""
        left = shares(self._windows, self._gaps, span.begin_ns, t_ns)
        right = shares(self._windows, self._gaps, t_ns, span.end_ns)
        return math.hypot(*(before - along * (before + after) for before, after in zip(left, right, strict=True)))

    def _anything(self, span: Span, t_ns: int) -> Bounds:
        """Any course between the lowest and the highest power, but for what windows inside of the tick saw."""
        inside = [w for w in self._seen if w.begin_ns >= span.begin_ns and w.end_ns <= span.end_ns]
        before = (t_ns - span.begin_ns - sum(w.within_ns(span.begin_ns, t_ns) for w in inside)) / NS
        after = (span.end_ns - t_ns - sum(w.within_ns(t_ns, span.end_ns) for w in inside)) / NS
        seen = joules_in(inside, span.begin_ns, t_ns)
        rest = span.joules - joules_in(inside, span.begin_ns, span.end_ns)
        mean = rest / (before + after) if before + after > 0 else 0.0
        low, high = self._around(mean, before, after)
        for window in inside:
            if window.begin_ns < t_ns < window.end_ns:
                least, most = self._around(window.watts, (t_ns - window.begin_ns) / NS, (window.end_ns - t_ns) / NS)
                low, high = low + least, high + most
        guess = seen + mean * before
        return Bounds(guess + low, guess + high, guess, self._watts(t_ns), 0.0)

    def _around(self, mean: float, before: float, after: float) -> tuple[float, float]:
        """How far from its even share the energy of the first `before` of some seconds of known mean may be."""
        low, high = min(self._low, mean), max(self._high, mean)
        return max((low - mean) * before, (mean - high) * after), min((high - mean) * before, (mean - low) * after)

    def _watts(self, t_ns: int) -> float:
        for window in self._windows:
            if window.begin_ns <= t_ns <= window.end_ns:
                return window.watts
        return next((gap.watts(t_ns) for gap in self._gaps if gap.begin_ns <= t_ns <= gap.end_ns), 0.0)


def _levels(spans: Sequence[Span], low: float, high: float, unseen_watts: float) -> tuple[float, float]:
    """Between which powers the load may move.

    A tick's mean beyond all that the windows saw comes of a power at least as far beyond again.
    """
    least, most = min(span.watts for span in spans), max(span.watts for span in spans)
    below = high - 2 * (high - least) if least < low else low
    above = low + 2 * (most - low) if most > high else high
    middle = statistics.fmean(span.watts for span in spans)
    return min(below, middle - unseen_watts), max(above, middle + unseen_watts)
