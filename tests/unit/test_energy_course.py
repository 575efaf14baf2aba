"""The inside of a counter's tick: what the sensor's windows and the rises around leave open of it."""

from itertools import pairwise

import pytest

from engine.energy.course import Course, Span
from engine.energy.gaps import Piece

MS = 1_000_000
Steps = list[tuple[float, float]]
"""From this millisecond on, these watts."""


def joules(steps: Steps, begin: float, end: float) -> float:
    edges = [*steps, (1e9, 0.0)]
    parts = pairwise(edges)
    return sum(watts * max(min(end, until) - max(begin, since), 0) / 1000 for (since, watts), (until, _) in parts)


def course(steps: Steps, *, tick_phase: float = 0.0, window_phase: float = 40.0) -> Course:
    """Ticks every 100 ms from 0, windows of 25 ms every 100 ms, both exact."""
    ticks = [tick_phase + 100 * number for number in range(11)]
    spans = [Span(round(b * MS), round((b + 100) * MS), joules(steps, b, b + 100)) for b in ticks]
    ends = [window_phase + 100 * number for number in range(-1, 13)]
    windows = [Piece(round((e - 25) * MS), round(e * MS), joules(steps, e - 25, e) * 40) for e in ends]
    return Course(spans, windows)


STEADY: Steps = [(-1000, 300.0)]


def test_steady_power_leaves_nothing_open() -> None:
    bounds = course(STEADY).at(5, 537 * MS)
    assert bounds.guess == pytest.approx(0.037 * 300)
    assert bounds.high - bounds.low < 1e-6


@pytest.mark.parametrize("step", [505, 560, 585, 602, 637])
def test_one_step_is_placed_by_the_counter(step: float) -> None:
    steps = [(-1000.0, 100.0), (float(step), 600.0)]
    found = course(steps)
    for t in range(500, 700, 7):
        number = t // 100
        bounds = found.at(number, t * MS)
        assert found.kind(number) in {"straight", "stepped"}
        assert bounds.guess == pytest.approx(joules(steps, 100 * number, t), abs=0.3)
        assert bounds.low - 0.3 <= joules(steps, 100 * number, t) <= bounds.high + 0.3


def test_a_step_inside_a_window_is_placed_by_the_window() -> None:
    steps = [(-1000.0, 100.0), (530.0, 600.0)]
    found = course(steps)
    assert found.kind(5) == "stepped"
    assert found.at(5, 570 * MS).guess == pytest.approx(joules(steps, 500, 570), abs=0.3)


def test_a_climb_is_a_line() -> None:
    steps = [(float(t), 300.0 + 0.2 * t) for t in range(-200, 1300)]
    found = course(steps)
    assert found.kind(5) == "straight"
    assert found.at(5, 550 * MS).guess == pytest.approx(joules(steps, 500, 550), abs=0.02)


def test_a_pulse_that_no_window_saw_leaves_the_tick_open() -> None:
    steps = [(-1000.0, 100.0), (550.0, 600.0), (580.0, 100.0)]
    found = course(steps)
    assert found.kind(5) == "open"
    for t in (520, 540, 560, 590):
        bounds = found.at(5, t * MS)
        assert bounds.low - 1e-6 <= joules(steps, 500, t) <= bounds.high + 1e-6
    assert found.kind(3) == "straight", "what a far tick hides is no doubt here"


def test_steps_in_every_gap_may_be_more_than_seen() -> None:
    steps = [(20.0 * number, 600.0 if number % 2 else 100.0) for number in range(-20, 80)]
    found = course(steps, window_phase=45.0)
    assert found.kind(5) == "aliased"
    bounds = found.at(5, 550 * MS)
    assert bounds.high > bounds.guess > bounds.low
