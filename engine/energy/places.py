"""When the ticks of an energy counter were, as surely as their brackets and the timer's grid can tell. Pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.clock import NS
from engine.energy.grid import Bracket, Grid, fit

NEIGHBOURS = 24
"""Ticks on either side that help to place one: 2.4 s of a counter that ticks every 100 ms."""

_LATE = 1.5
"""An irregular timer's ticks are no further apart than so many of the usual distance."""

_JOINT = 200
"""Ticks that one grid may have to pass through: clocks drift, and more tell little more."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The counter rose to `joules` somewhere after `after_ns` and not after `by_ns`."""

    after_ns: int
    by_ns: int
    joules: float

    @property
    def t_ns(self) -> int:
        """The middle of the bracket: the best guess from this tick alone."""
        return (self.after_ns + self.by_ns) // 2


class Places:
    """When ticks `first` to `last` were, and how surely.

    One grid passes through all of them where they are not too many and the driver's timer is regular, so that what
    misplaces both edges of a window alike is known to be alike. Else each edge has a grid of its own; and a tick that
    no grid passes through keeps the middle of its own bracket.
    """

    def __init__(self, ticks: Sequence[Tick], first: int, last: int) -> None:
        self._ticks, self._middle = ticks, (first + last) // 2
        joint = _grid(ticks, first, last) if last - first <= _JOINT else None
        around = ticks[max(0, first - NEIGHBOURS) : last + NEIGHBOURS + 1]
        apart = [later.t_ns - earlier.t_ns for earlier, later in pairwise(around)]
        self._oldest_ns = round(_LATE * statistics.median(apart)) if apart else NS
        self._grids = (joint, joint) if joint else (_grid(ticks, first, first + 1), _grid(ticks, last - 1, last))

    def t_ns(self, index: int) -> int:
        """When tick `index` was."""
        tick, grid = self._ticks[index], self._grid_of(index)
        return grid.t_ns(_number(grid, tick)) if grid else sum(self._own(tick)) // 2

    def bounds(self, index: int) -> tuple[int, int]:
        """Since when and until when tick `index` may have been: one moment where its grid tells it."""
        return (self.t_ns(index), self.t_ns(index)) if self._grid_of(index) else self._own(self._ticks[index])

    def deviation(self, weights: Sequence[tuple[int, float]]) -> float:
        """Standard deviation, in joules, of the sum of ticks' times, each (index, watts)."""
        own, gridded = [], {}  # type: list[float], dict[Grid, list[tuple[int, float]]]
        for index, watts in weights:
            grid, tick = self._grid_of(index), self._ticks[index]
            if grid:
                gridded.setdefault(grid, []).append((_number(grid, tick), watts))
            else:
                after_ns, by_ns = self._own(tick)
                own.append(watts * (by_ns - after_ns) / math.sqrt(12))
        return math.hypot(*own, *(grid.deviation(some) for grid, some in gridded.items())) / NS

    def _own(self, tick: Tick) -> tuple[int, int]:
        """The tick's bracket: what was read behind a hole is the last of the ticks in it, no more than a period old."""
        return max(tick.after_ns, tick.by_ns - self._oldest_ns), tick.by_ns

    def _grid_of(self, index: int) -> Grid | None:
        """The grid that tick `index` is on: none if it would put the tick outside of the tick's own bracket."""
        grid, tick = self._grids[index > self._middle], self._ticks[index]
        if grid is None:
            return None
        slack_ns = (tick.by_ns - tick.after_ns) // 5
        return grid if tick.after_ns - slack_ns <= grid.t_ns(_number(grid, tick)) <= tick.by_ns + slack_ns else None


def _grid(ticks: Sequence[Tick], first: int, last: int) -> Grid | None:
    around = ticks[max(0, first - NEIGHBOURS) : last + NEIGHBOURS + 1]
    return fit([Bracket(tick.after_ns, tick.by_ns) for tick in around])


def _number(grid: Grid, tick: Tick) -> int:
    """The last renewal that the reading may have seen: after an outage the bracket holds several."""
    return grid.number(tick.by_ns - min(tick.by_ns - tick.after_ns, round(grid.period)) // 2)
