"""When samples are due: absolute deadlines that walk their phase, and how often a device may be asked at all.

A sensor renews its values on a tick of its own, every 10 to 100 ms. Deadlines that are a whole fraction of that tick
always fall on the same phases of it, so when it ticks is never known better than to one period (10 ms at 100 Hz),
however long one looks. Here sample k is due at ``(k + triangle(k * step + 0.5)) / rate`` seconds, where the triangle
rises from 0 to 1 and falls back: every distance is within 2.1 % of a period of the one asked for (0.21 ms at 100 Hz),
the mean rate is exactly that, and no deadline leaves its own period. The largest hole that any stretch of samples at
100 Hz leaves in the phases of a tick, in ms (computed over many starts for 180 steps, of which this was the best whose
distances stay within 0.21 ms; a test computes it again):

    ticks of           10 ms   20 ms   50 ms   100 ms
    in 1 s of samples   0.20    0.41    1.03     2.08
    in 2 s              0.18    0.39    0.82     1.22
    in 5 s              0.14    0.34    0.21     0.41

From 500 Hz on the step is another one, by which the phase goes on by a golden section from one tick of 100 ms to the
next: distances are within 1.3 % of a period, and the holes at 1 kHz, in ms (a grid that does not walk leaves 1):

    ticks of           10 ms   20 ms   50 ms   100 ms
    in 1 s of samples   0.02    0.14    0.15     0.29
    in 2 s              0.01    0.02    0.11     0.11
    in 5 s              0.01    0.02    0.03     0.07

That makes the median error of a command's energy a third of what it is without (`python -m bench.energy.virtual`).
"""

from collections.abc import Iterable
from statistics import median

from pydantic import JsonValue

from engine.clock import NS

RATES_HZ = range(10, 1001)
FAST_HZ = 500
STEP, FAST_STEP = 0.0208424264, 0.0123606798
# Steps in units of 2**-32, so that deadlines are exact integers at any age of the run.
_ONE = 1 << 32
_STEP, _FAST_STEP = round(STEP * _ONE), round(FAST_STEP * _ONE)

SENSIBLE_HZ = (1000, 500, 200, 100, 50, 20, 10)
AHEAD = 20
"""So many deadlines are computed at once: each costs more than it takes to use one, but for the first."""

CALL_SHARE = 0.3
QUICK_SECONDS = 10


class Deadlines:
    """Deadline k = 0, 1, ... from `start_ns` on at `rate_hz`, walking unless `walk` forbids it."""

    def __init__(self, start_ns: int, rate_hz: int, *, walk: bool = True) -> None:
        self._start_ns, self._rate_hz = start_ns, rate_hz
        # Half a period in the middle, so that no stretch of samples looks slower or faster than it is by more.
        self._step, self._offset = (_STEP if rate_hz < FAST_HZ else _FAST_STEP, _ONE // 2) if walk else (0, 0)
        self._ahead: list[int] = []  # those that are next, the soonest last
        self._beyond = 0

    def at(self, k: int) -> int:
        """When sample `k` is due."""
        if not self._step:
            return self._start_ns + k * NS // self._rate_hz
        along = (k * self._step + self._offset) & (2 * _ONE - 1)
        walked = along if along < _ONE else 2 * _ONE - 1 - along
        return self._start_ns + (k * _ONE + walked) * NS // (self._rate_hz * _ONE)

    def after(self, now_ns: int) -> int:
        """The deadline after the one that was given last; after a stall the newest of those missed."""
        if not self._ahead:
            self._compute(self._beyond)
        due_ns = self._ahead.pop()
        if due_ns > now_ns:
            return due_ns
        newest = (now_ns - self._start_ns) * self._rate_hz // NS
        # A deadline lies anywhere in its period, so the present period's may still come.
        newest = newest if self.at(newest) <= now_ns else newest - 1
        if self.at(newest) > due_ns:
            due_ns = self.at(newest)
            self._compute(newest + 1)
        return due_ns

    def _compute(self, k: int) -> None:
        """Those from `k` on are next."""
        self._beyond = k + AHEAD
        self._ahead = [self.at(each) for each in range(self._beyond - 1, k - 1, -1)]


def phase_walk() -> JsonValue:
    """The rule, for a recording's provenance: it says where every deadline was at whatever rate."""
    return {
        "step": _STEP / _ONE,
        "fast_hz": FAST_HZ,
        "fast_step": _FAST_STEP / _ONE,
        "deadline": "start + (k + triangle(k * step + 0.5)) / rate; from fast_hz on with fast_step",
    }


def affordable_hz(asked_hz: int, call_ns: float) -> int:
    """`asked_hz`, or the next sensible rate at which calls of `call_ns` take no more than 30 % of the time.

    Beyond that the device's driver is busy with being watched: NVML calls take locks that its users need.
    """
    lower = (rate for rate in SENSIBLE_HZ if rate < asked_hz)
    return next((rate for rate in (asked_hz, *lower) if call_ns * rate <= CALL_SHARE * NS), SENSIBLE_HZ[-1])


class Pace:
    """How often one device is read: as asked, unless its calls take too long for that.

    A slow second lowers the rate at once, ten quick ones raise it again, never above what was asked.
    """

    def __init__(self, asked_hz: int, now_ns: int, *, call_ns: float = 0, limit_hz: int = RATES_HZ[-1]) -> None:
        self._limit_hz, self._call_ns = limit_hz, call_ns
        self._adopted_hz = self._asked_hz = asked_hz
        self.hz = self._affordable()
        self._calls: list[int] = []
        self._reviewed_ns, self._quick_seconds = now_ns, 0

    @property
    def call_ns(self) -> float:
        """How long calls take of late (the median)."""
        return self._call_ns

    @property
    def asked_hz(self) -> int:
        """What was asked for last."""
        return self._asked_hz

    def ask(self, rate_hz: int) -> None:
        """Another rate is wanted; any thread may ask."""
        self._asked_hz = rate_hz

    def called(self, calls_ns: Iterable[int]) -> None:
        """Some calls took so long."""
        self._calls.extend(calls_ns)

    def changes(self, now_ns: int) -> bool:
        """Adopt the rate that is due now; True if it is another one."""
        before = self.hz
        if self._asked_hz != self._adopted_hz:
            self._adopted_hz, self._quick_seconds = self._asked_hz, 0
            self.hz = self._affordable()
        elif now_ns - self._reviewed_ns >= NS:
            self._review(now_ns)
        return self.hz != before

    def _review(self, now_ns: int) -> None:
        if self._calls:
            self._call_ns = median(self._calls)
        self._calls, self._reviewed_ns = [], now_ns
        affordable = self._affordable()
        self._quick_seconds = self._quick_seconds + 1 if affordable > self.hz else 0
        if affordable < self.hz or self._quick_seconds >= QUICK_SECONDS:
            self.hz, self._quick_seconds = affordable, 0

    def _affordable(self) -> int:
        if not self._adopted_hz:
            return 0
        return affordable_hz(min(self._adopted_hz, self._limit_hz), self._call_ns)
