"""The power envelope: samples in, one bucket a frame time out. Pure."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from engine.documents import Page

SECONDS_KEPT = 30
MOST_FRESH = 100
"""Buckets that one frame brings at most; the history has them all."""
_PATIENCE_NS = 500_000_000
"""With several GPUs: how long a bucket waits for the slowest of them."""


class Bucket(NamedTuple):
    """Power over the frame time that ends at `t_ns` (run clock), and whose turn that was."""

    t_ns: int
    mean: float
    low: float
    high: float
    arm: str | None


@dataclass
class _Sum:
    """What one device's samples of one bucket have come to so far."""

    count: int = 0
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, watts: float) -> None:
        self.count += 1
        self.total += watts
        self.low, self.high = min(self.low, watts), max(self.high, watts)


@dataclass
class _Device:
    """One device's open buckets, and where its counter stood."""

    sums: dict[int, _Sum] = field(default_factory=dict)
    newest_ns: int = -1
    tick: tuple[int, float] | None = None


class Turns:
    """Whose turn it was at any moment of the last half minute."""

    def __init__(self) -> None:
        self._turns: deque[tuple[int, int | None, str]] = deque(maxlen=64)

    def begin(self, t_ns: int, arm: str) -> None:
        """Arm `arm` is on from `t_ns`."""
        self._turns.append((t_ns, None, arm))

    def end(self, t_ns: int) -> None:
        """Nobody is on from `t_ns`."""
        if self._turns and self._turns[-1][1] is None:
            begun, _, arm = self._turns[-1]
            self._turns[-1] = (begun, t_ns, arm)

    def at(self, t_ns: int) -> str | None:
        """The arm that was on at `t_ns`."""
        for begun, ended, arm in reversed(self._turns):
            if begun <= t_ns:
                return arm if ended is None or t_ns <= ended else None
        return None


class Envelope:
    """Buckets of `period_ns` over the power of all devices together."""

    def __init__(self, period_ns: int) -> None:
        self.period_ns = period_ns
        self.turns = Turns()
        self._devices: dict[str, _Device] = {}
        self._emitted = -1
        self._fresh: list[Bucket] = []
        self._kept: deque[Bucket] = deque(maxlen=SECONDS_KEPT * 1_000_000_000 // period_ns)

    def expect(self, stream: str) -> None:
        """A device of this name is there: buckets wait for its samples."""
        self._devices.setdefault(stream, _Device())

    def add(self, page: Page) -> None:
        """Enter one device's samples; pages without power change nothing."""
        device = self._devices.setdefault(page.stream, _Device())
        for t_ns, watts in _power(page, device, self.period_ns):
            device.sums.setdefault(t_ns // self.period_ns, _Sum()).add(watts)
        if page.t_ns:
            device.newest_ns = max(device.newest_ns, page.t_ns[-1])
        self._close_buckets()

    def fresh(self) -> list[Bucket]:
        """The buckets that were completed since the last call."""
        fresh, self._fresh = self._fresh, []
        self._kept.extend(fresh)
        return fresh

    def history(self, points: int) -> list[Bucket]:
        """What `fresh` has given over the last 30 seconds, merged to about `points` buckets at most."""
        step = -(-len(self._kept) // points) if points else 0
        return list(merged(self._kept, step * self.period_ns)) if step else []

    def _close_buckets(self) -> None:
        """A bucket is complete once every device has gone past it, or the fastest is long past it."""
        newest = [device.newest_ns for device in self._devices.values()]
        bound = max(min(newest), max(newest) - _PATIENCE_NS) // self.period_ns
        numbers = sorted({n for device in self._devices.values() for n in device.sums if n < bound})
        for number in numbers:
            sums = [found for device in self._devices.values() if (found := device.sums.pop(number, None))]
            if number > self._emitted:
                self._emitted = number
                self._fresh.append(self._bucket(number, sums))

    def _bucket(self, number: int, sums: Sequence[_Sum]) -> Bucket:
        end_ns = (number + 1) * self.period_ns
        return Bucket(
            end_ns,
            round(sum(part.total / part.count for part in sums), 2),
            round(sum(part.low for part in sums), 2),
            round(sum(part.high for part in sums), 2),
            self.turns.at(end_ns),
        )


def columns(buckets: Sequence[Bucket]) -> dict[str, list[Any]]:
    """The buckets as the wire has them."""
    return {
        "t_ns": [bucket.t_ns for bucket in buckets],
        "mean": [bucket.mean for bucket in buckets],
        "min": [bucket.low for bucket in buckets],
        "max": [bucket.high for bucket in buckets],
        "arm": [bucket.arm for bucket in buckets],
    }


def _power(page: Page, device: _Device, period_ns: int) -> Iterator[tuple[int, float]]:
    """The page's power: the instant field, else the average, else the slope of the energy counter."""
    for name in ("power_instant_watts", "power_average_watts"):
        if name in page.data:
            for t_ns, watts in zip(page.t_ns, page.data[name], strict=True):
                if isinstance(watts, int | float):
                    yield t_ns, watts
            return
    for t_ns, joules in zip(page.t_ns, page.data.get("energy_joules", ()), strict=False):
        if isinstance(joules, int | float) and (watts := _slope(device, t_ns, joules, period_ns)) is not None:
            yield t_ns, watts


def _slope(device: _Device, t_ns: int, joules: float, period_ns: int) -> float | None:
    """Watts since the counter's last tick, over a frame time or more: less would show the tick's grain."""
    if device.tick is None or joules < device.tick[1]:  # the first reading, or the counter has wrapped
        device.tick = (t_ns, joules)
        return None
    since_ns, before = device.tick
    if joules == before or t_ns - since_ns < period_ns:
        return None
    device.tick = (t_ns, joules)
    return (joules - before) / (t_ns - since_ns) * 1e9


def merged(buckets: Iterable[Bucket], span_ns: int) -> Iterator[Bucket]:
    """Neighbours within the same `span_ns` and the same turn as one bucket."""
    for _, group in groupby(buckets, key=lambda bucket: ((bucket.t_ns - 1) // span_ns, bucket.arm)):
        yield _one(list(group))


def _one(group: Sequence[Bucket]) -> Bucket:
    mean = round(sum(bucket.mean for bucket in group) / len(group), 2)
    low, high = min(bucket.low for bucket in group), max(bucket.high for bucket in group)
    return Bucket(group[-1].t_ns, mean, low, high, group[-1].arm)
