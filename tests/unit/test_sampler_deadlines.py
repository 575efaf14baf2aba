from itertools import pairwise

import pytest

from engine.clock import NS
from engine.sampler.deadlines import Deadlines, Pace, affordable_hz


def largest_hole_ms(rate_hz: int, tick_ms: int, seconds: float, first: int = 0) -> float:
    """Between the phases of a tick that were sampled from sample `first` on."""
    plan = Deadlines(0, rate_hz)
    phases = sorted(plan.at(k) % (tick_ms * 1_000_000) for k in range(first, first + round(seconds * rate_hz)))
    holes = [later - earlier for earlier, later in pairwise([*phases, phases[0] + tick_ms * 1_000_000])]
    return max(holes) / 1e6


@pytest.mark.parametrize("tick_ms", [10, 20, 50, 100])
def test_at_100_hz_every_phase_of_a_tick_is_met_within_about_a_millisecond_in_two_seconds(tick_ms: int):
    for first in range(0, 400, 13):
        assert largest_hole_ms(100, tick_ms, 2, first) < 1.3
        assert largest_hole_ms(100, tick_ms, 5, first) < 0.45
        assert largest_hole_ms(50, tick_ms, 5, first) < 2.6


def test_a_grid_that_does_not_walk_never_learns_more():
    plan = Deadlines(0, 100, walk=False)
    assert {plan.at(k) % 100_000_000 // 1_000_000 for k in range(1000)} == set(range(0, 100, 10))


@pytest.mark.parametrize("rate_hz", [10, 33, 100, 499, 500, 1000])
def test_the_mean_rate_is_the_one_asked_for(rate_hz: int):
    plan, periods = Deadlines(5, rate_hz), rate_hz * 10
    assert (plan.at(periods) - plan.at(0)) / NS == pytest.approx(10, abs=0.5001 / rate_hz)
    hours = 3600 * rate_hz * 100
    assert (plan.at(hours) - 5) / NS == pytest.approx(360_000, abs=1.0001 / rate_hz)


def test_the_walk_changes_no_distance_by_more_than_two_percent():
    plan = Deadlines(0, 100)
    steps = [later - earlier for earlier, later in pairwise(plan.at(k) for k in range(10_000))]
    assert max(abs(step - 10_000_000) for step in steps) < 210_000


@pytest.mark.parametrize("tick_ms", [10, 20, 50, 100])
def test_at_1_khz_every_phase_of_a_tick_is_met_within_a_tenth_of_a_millisecond_in_two_seconds(tick_ms: int):
    for first in range(0, 1000, 37):
        assert largest_hole_ms(1000, tick_ms, 2, first) < 0.12
        assert largest_hole_ms(1000, tick_ms, 5, first) < 0.075


def test_from_500_hz_on_no_distance_changes_by_more_than_a_hundredth_and_a_third():
    plan = Deadlines(0, 1000)
    steps = [later - earlier for earlier, later in pairwise(plan.at(k) for k in range(10_000))]
    assert max(abs(step - 1_000_000) for step in steps) < 13_000


@pytest.mark.parametrize(
    ("now", "expected"),
    [(105, 1), (110, 1), (119, 1), (120, 2), (157, 5), (1_000_000, 99_990)],
)
def test_after_a_stall_comes_the_newest_of_those_missed(now: int, expected: int):
    plan = Deadlines(100, NS // 10, walk=False)  # a period of 10 ns
    assert plan.after(100) == plan.at(0)
    assert plan.after(now) == plan.at(expected)
    assert plan.after(plan.at(expected)) == plan.at(expected + 1)


@pytest.mark.parametrize("rate_hz", [10, 100, 1000])
def test_deadlines_come_one_after_the_other(rate_hz: int):
    plan = Deadlines(77, rate_hz)
    due = [77]
    for _ in range(500):
        due.append(plan.after(due[-1]))
    assert due[1:] == [plan.at(k) for k in range(500)]


def test_after_a_stall_a_walking_grid_skips_to_its_newest_too():
    numbers = {Deadlines(0, 100).at(k): k for k in range(120)}
    for now in range(0, NS, 1_234_567):
        plan = Deadlines(0, 100)
        for _ in range(4):
            plan.after(0)
        due = plan.after(now)
        k = numbers[due]
        assert k == 4 or plan.at(k) <= now < plan.at(k + 1)
        assert plan.after(due) == plan.at(k + 1)


@pytest.mark.parametrize(
    ("asked", "call_us", "rate"),
    [(1000, 5, 1000), (1000, 299, 1000), (1000, 500, 500), (100, 500, 100), (700, 500, 500), (300, 10_000, 20)],
)
def test_calls_take_at_most_30_percent_of_the_time(asked: int, call_us: int, rate: int):
    assert affordable_hz(asked, call_us * 1000) == rate


def test_a_driver_slower_than_anything_is_asked_ten_times_a_second():
    assert affordable_hz(1000, NS) == 10


def test_asleep_is_asleep_until_asked():
    pace = Pace(100, 0)
    pace.ask(0)
    assert pace.changes(1)
    assert pace.hz == 0
    assert not pace.changes(2 * NS)
    pace.ask(50)
    assert pace.changes(3 * NS)
    assert pace.hz == 50
