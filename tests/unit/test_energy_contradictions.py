"""Sensors that contradict each other, or of which some are missing: said, and never surer than what is left can be."""

import random
from collections.abc import Callable

import pytest
from polled import Truth, constant, error, held, meter_of, square, true_joules

from engine.clock import NS
from engine.energy import EnergyMeter, WindowEnergy
from engine.validity import Reason

BEGIN, END = round(3.3 * NS), round(8.03 * NS)
WINDOWS: list[Callable[[EnergyMeter, int, int], WindowEnergy]] = [EnergyMeter.snapped, EnergyMeter.given]


def stands_still(truth: Truth, begin: float, end: float) -> Truth:
    """A counter that does not make up for it afterwards."""
    return lambda t: truth(min(t, begin)) + truth(max(t, end)) - truth(end)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("joules", [200.0, 5000.0])
def test_a_counter_that_jumps_is_contradicted_by_the_average(window: Callable, joules: float) -> None:
    """However far: the jump itself must not be taken for a load that would explain it."""
    meter = meter_of(constant(400.0), seconds=7.5, counter=lambda t: 400.0 * t + joules * (t > 5.5))
    energy = window(meter, BEGIN, END)
    assert Reason.COUNTER_AVERAGE_DISAGREE in energy.reasons and not energy.valid


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("begin", [3.45, 5.5, 7.2])
def test_a_counter_that_stands_still_for_half_a_second_is_contradicted(window: Callable, begin: float) -> None:
    """In the first part of a second of the window, too."""
    truth = constant(400.0)
    energy = window(meter_of(truth, seconds=7.5, counter=stands_still(truth, begin, begin + 0.5)), BEGIN, END)
    assert Reason.COUNTER_AVERAGE_DISAGREE in energy.reasons and not energy.valid


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("seconds", [0.53, 0.93, 4.73])
def test_a_counter_fed_by_the_instant_sensor_is_contradicted_in_short_windows_too(
    window: Callable, seconds: float
) -> None:
    def fed(t: float) -> float:
        return held(square(0.1), t, 0.0, 0.1, 0.025) * t  # it sees the upper half only, every time

    energy = window(meter_of(square(0.1), seconds=7.5, counter=fed), BEGIN, BEGIN + round(seconds * NS))
    assert Reason.COUNTER_AVERAGE_DISAGREE in energy.reasons and not energy.valid


def test_a_window_is_not_made_shorter_because_the_counter_did_not_tick() -> None:
    truth = constant(400.0)
    energy = meter_of(truth, seconds=7.5, counter=stands_still(truth, 2.5, 5.5)).snapped(BEGIN, END)
    assert (energy.start_ns, energy.end_ns) == (BEGIN, END) and energy.method == "integral_instant"
    assert Reason.COUNTER_INSTANT_DISAGREE in energy.reasons and not energy.valid
    assert error(energy, truth) < 0.01
    without = meter_of(truth, seconds=7.5, counter=stands_still(truth, 2.5, 12), with_instant=False).snapped(BEGIN, END)
    assert without.method == "integral_average" and Reason.COUNTER_AVERAGE_DISAGREE in without.reasons


@pytest.mark.parametrize("silence", [(2.0, 5.5), (3.0, 5.0), (7.2, 20.0)])
def test_a_counter_that_did_not_answer_is_a_gap_that_the_instant_field_bridges(silence: tuple[float, float]) -> None:
    truth = constant(400.0)
    energy = meter_of(truth, seconds=7.5, uncounted=silence).snapped(BEGIN, END)
    assert (energy.start_ns, energy.end_ns) == (BEGIN, END) and energy.method == "integral_instant"
    assert energy.reasons == (Reason.GAP,) and energy.valid
    assert error(energy, truth) < 0.01


def covered(truth: Truth, **board: bool) -> float:
    """How often the truth lies within the uncertainty, of windows of 0.3 to 5 s."""
    rng, hits, count = random.Random(5), 0, 60
    for seed in range(3):
        meter = meter_of(truth, seconds=12, seed=seed, poll_ms=4, **board)
        for _ in range(count // 3):
            begin = rng.uniform(3.2, 7.5)
            energy = meter.given(round(begin * NS), round((begin + rng.uniform(0.3, 5)) * NS))
            assert energy.energy_joules is not None and energy.uncertainty_joules is not None
            hits += abs(energy.energy_joules - true_joules(energy, truth)) <= energy.uncertainty_joules
    return hits / count


@pytest.mark.parametrize("period", [0.1, 0.2, 0.37, 1.0, 3.0])
@pytest.mark.parametrize(
    "board",
    [
        {"with_counter": False},
        {"with_counter": False, "with_instant": False},
        {"with_instant": False},
        {"with_instant": False, "with_average": False},
    ],
    ids=["no counter", "only the average", "no instant field", "only the counter"],
)
def test_the_uncertainty_covers_what_a_lesser_board_does_not_see(period: float, board: dict[str, bool]) -> None:
    assert covered(square(period), **board) >= 0.9


def test_without_a_counter_a_load_that_beats_with_the_sensor_is_told_by_the_average() -> None:
    truth = square(0.1)
    for seed in range(4):
        energy = meter_of(truth, seconds=7.5, seed=seed, with_counter=False).given(BEGIN, END)
        if Reason.SENSOR_BEATS_WITH_LOAD in energy.reasons:
            assert energy.method == "integral_average"
        assert error(energy, truth) < 0.05


def test_an_integral_of_less_than_its_sensor_can_tell_is_too_short() -> None:
    average = meter_of(constant(400.0), seconds=7.5, with_counter=False, with_instant=False)
    assert Reason.WINDOW_TOO_SHORT in average.given(BEGIN, BEGIN + NS // 2).reasons
    assert average.given(BEGIN, END).valid


@pytest.mark.parametrize("window", WINDOWS)
def test_ten_samples_a_second_are_no_gap_and_no_beat(window: Callable) -> None:
    truth = constant(400.0)
    meter = meter_of(truth, seconds=8, poll_ms=101)
    energy = window(meter, BEGIN, END)
    assert energy.reasons == () and energy.valid
    assert abs(energy.energy_joules - true_joules(energy, truth)) <= energy.uncertainty_joules
    lost = meter_of(truth, seconds=8, poll_ms=101, lost=(5.0, 5.4))
    assert window(lost, BEGIN, END).reasons == (Reason.GAP,)
