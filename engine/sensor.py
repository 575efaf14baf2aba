"""One device's sensor: how often it renews its readings, and whether they agree. Pure.

It keeps the last seconds, judged by the same meter that makes the figures, so that what is said of the sensor is what
is held against the joules.
"""

import statistics
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import Any

from engine.clock import NS
from engine.documents import Descriptor, Page
from engine.energy import EnergyMeter, WindowEnergy
from engine.metrics import UNANSWERED
from engine.sharing import shared_sensor
from engine.unknown import number, rounded
from engine.validity import Reason, is_valid, slowed_by

KEPT_NS = 10 * NS
WINDOW_SECONDS = 8
"""The sensors are compared over so many whole seconds: what the one-second average covers."""

_SETTLE_NS = NS // 4
"""A power reading tells of the past: the window ends this much before the newest one."""

_MOST_ROWS = 2000
_FEWEST_GAPS = 4
_FIELDS = ("power_instant_watts", "power_average_watts", "energy_joules")


class Sensor:
    """What one device's readings show of its sensor; `divided` are the boards of the run that are divided."""

    def __init__(self, descriptor: Descriptor, *, divided: Collection[str] = ()) -> None:
        self.descriptor = descriptor
        self.meter = EnergyMeter(descriptor.documented_windows_ns)
        self.asked_ns = descriptor.nominal_period_ns or NS // 100
        self._pages: deque[tuple[int, int]] = deque(maxlen=_MOST_ROWS)
        self._first_ns: int | None = None
        self._seen: dict[Reason, int] = {}
        self._always = {*_standing_reasons(descriptor), *shared_sensor(descriptor, divided)}

    def page(self, page: Page) -> None:
        """Take the samples of one page."""
        newest = page.t_ns[-1]
        self._first_ns = page.t_ns[0] if self._first_ns is None else max(self._first_ns, newest - KEPT_NS)
        columns = (page.data.get(name, [None] * len(page.t_ns)) for name in _FIELDS)
        for t_ns, instant, average, joules in zip(page.t_ns, *columns, strict=True):
            self.meter.add(t_ns, instant=number(instant), average=number(average), joules=number(joules))
        self.meter.forget_before(newest - KEPT_NS)
        self._pages.append((newest, len(page.t_ns)))
        while self._pages[0][0] < newest - KEPT_NS:
            self._pages.popleft()

    def slow(self, page: Page) -> None:
        """Take what the slow lane says of throttling."""
        for t_ns, bits in zip(page.t_ns, page.data.get("throttle_reasons", ()), strict=False):
            for reason in slowed_by(bits) if isinstance(bits, int) else ():
                self.saw(reason, t_ns)

    def saw(self, reason: Reason, t_ns: int) -> None:
        """Something happened that is to be said for as long as readings are kept."""
        self._seen[reason] = max(t_ns, self._seen.get(reason, 0))

    # -- what it comes to

    def report(self) -> dict[str, Any]:
        """The figures of docs/protocol.md's `sensor`, but for the sampler's own."""
        newest = self.meter.newest_t_ns or 0
        window = self._window(newest)
        recent = {reason for reason, t_ns in self._seen.items() if t_ns >= newest - KEPT_NS}
        reasons = sorted({*self._always, *recent, *(window.reasons if window else ())})
        return {
            "stream": self.descriptor.stream,
            "source": self.descriptor.source,
            "achieved_hz": rounded(self._achieved_hz(), 1),
            "asked_hz": rounded(NS / self.asked_ns, 1),
            "instant_per_second": self._per_second(_FIELDS[0], self._instant_renewals(newest), newest),
            "counter_per_second": self._per_second(_FIELDS[2], self._counter_renewals(newest), newest),
            "period_ms": self._periods(),
            "instant_window": window_of(self.meter),
            "disagreement_percent": {name: _apart(window, name) for name in ("instant", "average")},
            "window_seconds": round(window.seconds, 1) if window else None,
            "valid": is_valid(reasons) and (window is None or window.valid),
            "reasons": [reason.value for reason in reasons],
        }

    def _periods(self) -> dict[str, float | None]:
        """How often each sensor renews its value, in milliseconds."""
        seen = {
            "power_instant": self.meter.instant.t_ns[1:],
            "power_average": self.meter.average.t_ns[1:],
            "energy_counter": [tick.t_ns for tick in self.meter.counter.ticks],
        }
        return {name: _period_ms(times, self.asked_ns) for name, times in seen.items()}

    def _achieved_hz(self) -> float | None:
        if len(self._pages) < 2:
            return None
        rows = sum(count for _, count in self._pages) - self._pages[0][1]
        return rows * NS / max(1, self._pages[-1][0] - self._pages[0][0])

    def _instant_renewals(self, newest: int) -> int:
        return sum(1 for _ in self.meter.instant.updates(self._first_ns or 0, newest))

    def _counter_renewals(self, newest: int) -> int:
        return self.meter.counter.last_until(newest) + 1 - self.meter.counter.first_from(self._first_ns or 0)

    def _per_second(self, column: str, count: int, newest: int) -> float | None:
        """Different readings a second; None for a column that is not there, and before a second has passed."""
        if self._first_ns is None or newest - self._first_ns < NS or column not in self.descriptor.columns:
            return None
        return round(count * NS / (newest - self._first_ns), 1)

    def _window(self, newest: int) -> WindowEnergy | None:
        """The last whole seconds between two ticks of the counter (without one: up to just now); None: too early."""
        end, counter = newest - _SETTLE_NS, self.meter.counter
        period, last = counter.period_ns() or 0, counter.last_until(end)
        if period and last >= 0 and end - counter.ticks[last].t_ns < NS:
            end = counter.ticks[last].t_ns + period // 2
        # Two ticks more, so that from the first to the last there are never just less than whole seconds.
        seconds = min(WINDOW_SECONDS, (end - (self._first_ns or end) - 2 * period) // NS)
        return self.meter.snapped(end - seconds * NS - 2 * period, end) if seconds >= 1 else None


def window_of(meter: EnergyMeter) -> dict[str, Any]:
    """How long the instant field looks for one value, in milliseconds, and whether that is documented or assumed."""
    window_ns, origin = meter.window(_FIELDS[0])
    return {"ms": None if window_ns is None else round(window_ns / 1e6, 1), "origin": origin}


def _standing_reasons(descriptor: Descriptor) -> Iterable[Reason]:
    """What is true of the device as long as it is there."""
    if not any(name in descriptor.columns for name in _FIELDS):
        yield Reason.GAP if UNANSWERED in descriptor.unsupported.values() else Reason.NOT_SUPPORTED
    if descriptor.source == "simulated":
        yield Reason.SIMULATED


def _apart(window: WindowEnergy | None, name: str) -> float | None:
    """How many percent more (or less) than the counter a power field adds up to."""
    if window is None:
        return None
    counted, other = window.cross_checks.get("counter_joules"), window.cross_checks.get(f"{name}_joules")
    return round(100 * (other / counted - 1), 2) if counted and other is not None else None


def _period_ms(times: Sequence[int], sampled_ns: int) -> float | None:
    """How often something is renewed that was seen to be at `times`; None as long as that is too few.

    A renewal is seen up to a sample late, so the usual distances differ by about a sample; a longer one is several
    periods, in which the same value came again. All together they tell the period exactly.
    """
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if len(gaps) < _FEWEST_GAPS:
        return None
    middle = statistics.median(gaps)
    usual = [gap for gap in gaps if abs(gap - middle) <= 1.5 * sampled_ns]
    single = statistics.fmean(usual)
    periods = sum(1 if abs(gap - middle) <= 1.5 * sampled_ns else max(1, round(gap / single)) for gap in gaps)
    return round(sum(gaps) / periods / 1e6, 1)
