"""The inside of a counter's tick: what the sensor's windows and the rises around leave open of it."""

import random
import statistics
from collections.abc import Sequence
from itertools import pairwise, zip_longest

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


def course(
    steps: Steps,
    *,
    tick_phase: float = 0.0,
    window_phase: float = 40.0,
    until: float = 2000.0,
    noise: Sequence[float] = (),
) -> Course:
    """Ticks every 100 ms from 0; windows of 25 ms every 100 ms until `until`, off by `noise`."""
    ticks = [tick_phase + 100 * number for number in range(11)]
    spans = [Span(round(b * MS), round((b + 100) * MS), joules(steps, b, b + 100)) for b in ticks]
    ends = [window_phase + 100 * number for number in range(-1, 13)]
    watts = [joules(steps, e - 25, e) * 40 + off for e, off in zip_longest(ends, noise, fillvalue=0.0)]
    windows = [Piece(round((e - 25) * MS), round(e * MS), w) for e, w in zip(ends, watts, strict=True) if e <= until]
    return Course(spans, windows)


def square(period: float, phase: float = 0.0, low: float = 100.0, high: float = 600.0) -> Steps:
    """Half of each period high."""
    halves = range(round(-400 / period), round(3000 / period))
    return [(phase + period * half / 2, high if half % 2 else low) for half in halves]


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
    found = course(square(40), window_phase=45.0)
    assert found.kind(5) == "aliased"
    bounds = found.at(5, 550 * MS)
    assert bounds.high > bounds.guess > bounds.low


# -- a load that may step more often than is seen


@pytest.mark.parametrize("phase", [-30.0, 0.0, 30.0, 60.0])
def test_where_windows_show_it_unmixed_the_simplest_course_is_the_figure(phase: float) -> None:
    steps = square(200, phase)
    found = course(steps, window_phase=50.0 + phase)
    open_joules = []
    for t in range(405, 600, 10):
        number, true = t // 100, joules(steps, t // 100 * 100, t)
        bounds = found.at(number, t * MS)
        open_joules.append(bounds.high - bounds.low)
        assert found.kind(number) == "aliased", "it may yet be another"
        assert bounds.guess == pytest.approx(true, abs=0.6)
        assert bounds.low - 0.6 <= true <= bounds.high + 0.6
    assert statistics.fmean(open_joules) > 0.5


def test_where_they_show_mixtures_the_even_course_is() -> None:
    steps = square(200, 34)  # a quarter of each window at the one power, the rest at the other: 220 and 480 W
    found, rise = course(steps, tick_phase=80.0), joules(steps, 580, 680)
    assert found.kind(5) == "aliased"
    assert found.at(5, 630 * MS).guess == pytest.approx(rise / 2, rel=0.05), "23.7 J with one step in each gap"


@pytest.mark.parametrize("period", [40, 66, 90, 200])
def test_an_aliased_load_is_within_its_bounds(period: float) -> None:
    """A mixture beside which the rest of the tick must have gone lower still says what the lowest may be."""
    aliased = 0
    for phase in range(0, 200, 8):
        steps = square(period, phase)
        found = course(steps, window_phase=35.0)
        for t in range(403, 600, 12):
            bounds = found.at(t // 100, t * MS)
            if found.kind(t // 100) == "aliased":
                aliased += 1
                assert bounds.low - 0.6 <= joules(steps, t // 100 * 100, t) <= bounds.high + 0.6, phase
    assert aliased > 300


# -- what the windows do not tell


@pytest.mark.parametrize("until", [740.0, 840.0, 940.0])
def test_a_tick_that_no_window_covers_to_its_end_says_nothing_of_the_others(until: float) -> None:
    """Its rise is more than the windows and gaps hold of it."""
    steps: Steps = [(-1000.0, 100.0), (320.0, 600.0), (560.0, 100.0), (780.0, 600.0)]
    found, whole = course(steps, until=until), course(steps)
    for t in range(205, 600, 10):
        number = t // 100
        assert found.kind(number) == whole.kind(number)
        assert found.at(number, t * MS).guess == pytest.approx(joules(steps, 100 * number, t), abs=0.6)


PULSES: Steps = [(-1000.0, 100.0), (120.0, 600.0), (300.0, 100.0)]


def test_two_mixtures_of_one_pulse_are_no_plateau() -> None:
    """A pulse that reaches as far into the one window as into the other, after one that shows how high it goes."""
    steps: Steps = [*PULSES, (522.0, 600.0), (633.0, 100.0)]
    found = course(steps, tick_phase=77.0)
    for number in (4, 5):
        assert found.kind(number) == "open"
    for t in range(480, 670, 10):
        number = (t - 77) // 100
        bounds = found.at(number, t * MS)
        assert bounds.low - 0.3 <= joules(steps, number * 100 + 77, t) <= bounds.high + 0.3


def test_a_pulse_that_ends_just_within_a_window_is_no_plateau_a_little_lower() -> None:
    steps: Steps = [*PULSES, (528.5, 600.0), (639.6, 100.0)]
    found = course(steps)
    for t in range(505, 700, 5):
        bounds = found.at(t // 100, t * MS)
        assert bounds.low - 0.3 <= joules(steps, t // 100 * 100, t) <= bounds.high + 0.3


def test_a_climb_by_about_as_much_as_noise_is_no_staircase() -> None:
    steps = [(float(t), 300.0 + 0.045 * t) for t in range(-200, 1300)]
    straight = 0
    for seed in range(40):
        rng = random.Random(seed)
        found = course(steps, noise=[rng.gauss(0, 0.5) for _ in range(14)])
        straight += {found.kind(number) for number in range(2, 9)} == {"straight"}
    assert straight >= 36


def test_a_climb_beside_a_step_is_a_doubt_however_slow() -> None:
    steps = [(float(t), 500.0 + 0.02 * t) for t in range(-200, 560)] + [(560.0, 100.0)]
    assert course(steps).slope_watts(5) == pytest.approx(2.0, abs=0.1)


def test_noise_enters_a_straight_course_as_it_is_told() -> None:
    """Standard deviation of the figure over many draws, beside what one draw's windows and lever say."""
    for window_phase in (15.0, 40.0, 90.0):
        for t in (515, 550, 580):
            guesses, told = [], []
            for seed in range(300):
                rng = random.Random(seed)
                found = course(STEADY, window_phase=window_phase, noise=[rng.gauss(0, 0.5) for _ in range(14)])
                bounds = found.at(5, t * MS)
                guesses.append(bounds.guess)
                told.append(0.5 * bounds.lever_seconds)
            assert statistics.stdev(guesses) == pytest.approx(statistics.fmean(told), rel=0.15)
