"""Energy of a window from readings whose truth is known: a simulated sensor, polled as a sampler polls."""

import math
import random
from collections.abc import Iterable

import pytest
from polled import MS, SIGNALS, Truth, constant, error, meter_of, square, true_joules

from engine.clock import NS
from engine.energy import EnergyMeter
from engine.validity import Reason


def covered(truth: Truth, seeds: Iterable[int], windows: int) -> list[bool]:
    """Of some given windows of a recording for each seed, whether the uncertainty covers the truth."""
    found = []
    for seed in seeds:
        rng, meter = random.Random(seed), meter_of(truth, seconds=8.0, seed=seed)
        for _ in range(windows):
            start = rng.uniform(3.2, 6.0)
            energy = meter.given(round(start * NS), round((start + rng.uniform(0.4, 3.4)) * NS))
            assert energy.energy_joules is not None and energy.uncertainty_joules is not None
            found.append(abs(energy.energy_joules - true_joules(energy, truth)) <= energy.uncertainty_joules)
    return found


def test_uncertainty_covers_the_truth_of_given_windows() -> None:
    """A load that beats with the sensor included; few of each recording, since what misplaces one edge of it misplaces
    many."""
    loads = enumerate(SIGNALS.values())
    found = [each for n, truth in loads for each in covered(truth, range(100 * n, 100 * n + 10), windows=7)]
    assert len(found) >= 400 and sum(found) >= 0.95 * len(found), f"{sum(found)} of {len(found)} windows"


@pytest.mark.parametrize("period", [0.04, 0.066, 0.09, 0.1, 0.2])
def test_uncertainty_covers_a_load_that_switches_more_often_than_is_seen(period: float) -> None:
    found = covered(square(period), range(20), windows=7)
    assert sum(found) >= 0.97 * len(found), f"{sum(found)} of {len(found)} windows"


def test_uncertainty_knows_of_a_load_that_bends_where_a_line_is_taken_for_it() -> None:
    """The hardest of all waves: a tenth and more of what a period moves goes between two windows."""
    loads = enumerate(map(wave, (1.1, 1.2, 1.3)))
    found = [each for n, truth in loads for each in covered(truth, range(15 * n, 15 * n + 15), windows=10)]
    assert sum(found) >= 0.91 * len(found), f"{sum(found)} of {len(found)} windows"


def wave(period: float) -> Truth:
    """Between 150 and 550 W."""
    omega = math.tau / period
    return lambda t: 350 * t - 200 * math.cos(omega * t) / omega


@pytest.mark.parametrize("poll_ms", [1.0, 9.7])
def test_slower_polling_places_ticks_on_their_grid(poll_ms: float) -> None:
    truth = SIGNALS["square 200 ms"]
    energy = meter_of(truth, seconds=7.5, poll_ms=poll_ms).snapped(round(3.3 * NS), round(7.7 * NS))
    assert error(energy, truth) < (0.001 if poll_ms < 2 else 0.003)


def test_a_counter_fed_by_the_part_time_sensor_is_not_believed() -> None:
    truth = square(0.1)
    # It sees only the high half, as its sensor does at this phase.
    energy = meter_of(truth, seconds=7.5, counter=constant(600.0)).snapped(round(3.3 * NS), round(8 * NS))
    assert Reason.COUNTER_AVERAGE_DISAGREE in energy.reasons and not energy.valid


def test_a_counter_that_stands_still_is_not_believed() -> None:
    meter = meter_of(constant(400.0), seconds=7.5, counter=constant(0.0))
    energy = meter.snapped(round(3.3 * NS), round(8 * NS))
    assert energy.method == "integral_instant" and not energy.valid
    assert Reason.COUNTER_INSTANT_DISAGREE in energy.reasons
    assert error(energy, constant(400.0)) < 0.01


def test_without_a_counter_the_instant_field_is_integrated_and_said_so() -> None:
    truth = square(1.0)
    for seed in range(4):
        meter = meter_of(truth, seconds=7.5, seed=seed, with_counter=False)
        energy = meter.given(round(3.3 * NS), round(8.03 * NS))
        assert energy.method == "integral_instant"
        assert error(energy, truth) < 0.03
        assert energy.cross_checks["counter_joules"] is None


def test_without_any_sensor_energy_is_unknown() -> None:
    meter = EnergyMeter()
    for step in range(100):
        meter.add(step * 10 * MS, instant=None, average=None, joules=None)
    energy = meter.snapped(0, NS)
    assert energy.energy_joules is None and Reason.NOT_SUPPORTED in energy.reasons and not energy.valid
    assert meter.recent_watts(0, NS) is None and meter.peak_watts(0, NS) is None


def test_cross_checks_say_what_the_others_say() -> None:
    energy = meter_of(constant(250.0), seconds=7.5).snapped(round(3.3 * NS), round(8 * NS))
    for value in energy.cross_checks.values():
        assert value == pytest.approx(250.0 * energy.seconds, rel=0.01)


def test_a_window_between_two_ticks_says_how_little_it_knows() -> None:
    meter = meter_of(square(0.2), seconds=7.5)
    energy = meter.snapped(round(5.11 * NS), round(5.16 * NS))
    assert energy.method == "integral_instant" and Reason.WINDOW_TOO_SHORT in energy.reasons


def test_periods_are_found() -> None:
    periods = meter_of(square(0.37), seconds=4.0).periods()
    for period in periods.values():
        assert period == pytest.approx(100 * MS, rel=0.02)


def test_forgetting_keeps_what_comes_after() -> None:
    meter = meter_of(square(0.37), seconds=7.5)
    whole = meter.snapped(6 * NS, 8 * NS)
    meter.forget_before(round(5.9 * NS))
    again = meter.snapped(6 * NS, 8 * NS)
    assert again.energy_joules == whole.energy_joules
    assert meter.instant.t_ns[1] >= round(3.9 * NS)
