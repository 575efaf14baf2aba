"""The counter beside another sensor over every few seconds of a window. Pure.

Over all of a long window a counter that stands still or jumps for a moment is within what sensors may differ by, and an
outage leaves the average unknown somewhere. So the two are compared piece by piece too, wherever both are known.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from engine.clock import NS
from engine.energy.agreement import Beside
from engine.energy.sensors import Sensors

_SECONDS = 3
"""A piece's length. Of shorter ones the edges leave more open, in longer ones more is diluted."""

_APART_PERIODS = 3
"""Average and counter may tell of the same moment so many of the counter's periods apart."""


class _Second(NamedTuple):
    """One second: its end, the average that covers it, and what the counter says."""

    end_ns: int
    average: float
    counted: float


def pieces(sensors: Sensors, start_ns: int, end_ns: int) -> Iterator[Beside]:
    """The counter and the one-second average, piece by piece; where there is no average, the instant field."""
    if not sensors.average.values(start_ns, end_ns):
        yield from _beside_instant(sensors, start_ns, end_ns)
        return
    first_ns = sensors.averaged_until(start_ns + NS + (sensors.average.period_ns() or 0))
    last_ns = sensors.averaged_until(end_ns)
    # Whole seconds back from the window's end leave a part of one at its begin, which the first seconds hold.
    yield from _beside_averages(sensors, range(last_ns - (last_ns - start_ns) // NS * NS + NS, last_ns + 1, NS))
    yield from _beside_averages(sensors, range(first_ns, min(first_ns + (_SECONDS - 1) * NS, last_ns) + 1, NS))


def _beside_averages(sensors: Sensors, ends_ns: range) -> Iterator[Beside]:
    """The counter and the average over seconds that end then, a few at a time, where both are known."""
    for known, seconds in groupby(_seconds(sensors, ends_ns), key=bool):
        run = [second for second in seconds if second]
        for first in range(max(len(run) - _SECONDS, 0) + 1 if known else 0):
            yield _beside_average(sensors, run[first : first + _SECONDS])


def _seconds(sensors: Sensors, ends_ns: range) -> Iterator[_Second | None]:
    for end_ns, average in zip(ends_ns, sensors.averaged_at(ends_ns), strict=True):
        before, after = sensors.counter.joules_at(end_ns - NS), sensors.counter.joules_at(end_ns)
        known = average is not None and before is not None and after is not None
        yield _Second(end_ns, average, after - before) if known else None  # type: ignore[arg-type, operator]  # known


def _beside_average(sensors: Sensors, run: Sequence[_Second]) -> Beside:
    average = sum(second.average for second in run) / len(run)
    counted = sum(second.counted for second in run) / len(run)
    alike = Beside(average, counted, 0.0)
    if not alike.contradicts:
        return alike  # whatever else may explain
    begin_ns, end_ns = run[0].end_ns - NS, run[-1].end_ns
    apart_ns = _APART_PERIODS * (sensors.counter.period_ns() or NS // 10)
    return Beside(average, counted, sensors.edge_watts(begin_ns, end_ns, counted, average, apart_ns))


def _beside_instant(sensors: Sensors, start_ns: int, end_ns: int) -> Iterator[Beside]:
    instant, counter, lag_ns, length_ns = sensors.instant, sensors.counter, sensors.lag_ns(), _SECONDS * NS
    # A change between two readings may have come at any time in between, and at an edge in the counter's tick.
    open_seconds = ((instant.period_ns() or 0) + (counter.period_ns() or 0)) / NS
    usual_watts = instant.travel(start_ns, end_ns) * length_ns / max(end_ns - start_ns, length_ns)
    back = range(end_ns - length_ns, start_ns, -length_ns)
    for begin_ns in (*back, *([start_ns] if end_ns - start_ns >= length_ns else [])):
        before, after = counter.joules_at(begin_ns), counter.joules_at(begin_ns + length_ns)
        begin, end = begin_ns + lag_ns, begin_ns + length_ns + lag_ns
        values, mean = instant.values(begin, end), instant.mean(begin, end)
        if before is None or after is None or mean is None or instant.holes_seconds(begin, end):
            continue
        # Readings that are far apart may miss here what they show elsewhere.
        open_watts = max(instant.travel(begin, end), usual_watts) + 2 * (max(values) - min(values))
        yield Beside(mean, (after - before) / _SECONDS, open_watts * open_seconds / _SECONDS, instead=True)
