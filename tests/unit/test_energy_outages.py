"""Outages, resets and silence: the energy stays right where it can be known, and is unknown where it cannot."""

import random

import pytest
from polled import MS, SIGNALS, constant, error, meter_of, square, true_joules

from engine.clock import NS
from engine.energy import EnergyMeter, WindowEnergy
from engine.validity import Reason

BEGIN, END = round(3.3 * NS), round(8.03 * NS)


def both(meter: EnergyMeter, begin: int = BEGIN, end: int = END) -> list[WindowEnergy]:
    """The window snapped to ticks, and as it was given."""
    return [meter.snapped(begin, end), meter.given(begin, end)]


@pytest.mark.parametrize("poll_ms", [1.0, 9.7])
def test_a_reset_costs_next_to_nothing_and_is_told(poll_ms: float) -> None:
    truth = constant(400.0)
    for energy in both(meter_of(truth, seconds=7.5, reset_at=5.51, poll_ms=poll_ms)):
        assert energy.reasons == (Reason.COUNTER_RESET,) and energy.valid
        assert error(energy, truth) < 0.003


@pytest.mark.parametrize("name", SIGNALS)
def test_what_a_reset_leaves_open_is_in_the_uncertainty(name: str) -> None:
    """Under a load that beats with the sensor too, where the instant field alone would be off by tens of joules."""
    truth, covered, farthest = SIGNALS[name], 0, 0.0
    for seed in range(6):
        reset_at = 5.0 + random.Random(seed).random()
        energy = meter_of(truth, seconds=7.5, seed=seed, reset_at=reset_at).snapped(BEGIN, END)
        assert energy.energy_joules is not None and energy.uncertainty_joules is not None
        off = abs(energy.energy_joules - true_joules(energy, truth))
        covered += off <= energy.uncertainty_joules
        farthest = max(farthest, off)
    assert covered >= 5, f"{covered} of 6"
    assert farthest < 0.02 * truth(4.73), f"{farthest:.1f} J off"


def test_a_reset_adds_to_the_uncertainty_only_where_the_power_moves() -> None:
    for name, least, most in (("constant", 0.0, 3.0), ("square 1 s", 1.0, 60.0)):
        whole = meter_of(SIGNALS[name], seconds=7.5).snapped(BEGIN, END).uncertainty_joules
        broken = meter_of(SIGNALS[name], seconds=7.5, reset_at=5.51).snapped(BEGIN, END).uncertainty_joules
        assert whole is not None and broken is not None
        assert least <= broken - whole <= most, f"{name}: {broken - whole:.2f} J more"


def test_an_outage_costs_next_to_nothing_and_is_told() -> None:
    truth = constant(400.0)
    for energy in both(meter_of(truth, seconds=7.5, lost=(5.0, 6.0))):
        assert Reason.GAP in energy.reasons
        assert error(energy, truth) < 0.003


def test_an_outage_with_a_reset_in_it_leaves_the_energy_unknown_and_not_half_of_it() -> None:
    """The driver was loaded anew: what the GPU used while it was away nobody saw."""
    meter = meter_of(constant(400.0), seconds=7.5, lost=(5.0, 6.0), reset_at=5.5)
    for energy in both(meter):
        assert energy.energy_joules is None and not energy.valid
        assert energy.reasons == (Reason.GAP, Reason.COUNTER_RESET)
    live = meter.snapped(BEGIN, END, quick=True)
    assert live.energy_joules is None and live.reasons == (Reason.GAP, Reason.COUNTER_RESET)


def test_windows_beside_an_outage_with_a_reset_are_exact() -> None:
    truth = square(0.37)
    meter = meter_of(truth, seconds=8.5, lost=(5.0, 6.0), reset_at=5.5)
    for begin, end in ((3.3, 4.7), (6.3, 9.5)):
        energy = meter.snapped(round(begin * NS), round(end * NS))
        assert energy.method == "counter" and energy.reasons == () and error(energy, truth) < 0.002


def test_a_short_outage_with_a_reset_in_it_is_integrated_with_a_wider_doubt() -> None:
    truth = square(1.0)
    for energy in both(meter_of(truth, seconds=7.5, lost=(5.0, 5.4), reset_at=5.2)):
        assert energy.method == "integral_instant"
        assert Reason.GAP in energy.reasons and Reason.COUNTER_RESET in energy.reasons
        assert energy.energy_joules is not None and energy.uncertainty_joules is not None
        assert abs(energy.energy_joules - true_joules(energy, truth)) <= energy.uncertainty_joules


def test_a_reset_of_a_counter_without_power_fields_is_bridged_by_its_own_mean() -> None:
    meter = EnergyMeter()
    for ms in range(8000):
        ticked = ms // 100 * 0.1
        joules = 50 * ticked - (200 if ticked >= 4.0 else 0)
        meter.add(ms * MS, instant=None, average=None, joules=joules)
    energy = meter.snapped(2 * NS, 6 * NS)
    assert energy.energy_joules == pytest.approx(50 * energy.seconds, rel=1e-3)
    assert energy.reasons == (Reason.COUNTER_RESET,)


# -- silence: no rows at all, and none to come


def silent_from(seconds: float, **more: bool) -> EnergyMeter:
    return meter_of(constant(400.0), seconds=seconds - 2.0, **more)


@pytest.mark.parametrize("with_counter", [True, False], ids=["counter", "no counter"])
def test_a_device_that_falls_silent_for_good_makes_the_energy_unknown(with_counter: bool) -> None:
    for energy in both(silent_from(6.0, with_counter=with_counter)):
        assert energy.energy_joules is None and not energy.valid
        assert energy.reasons == (Reason.GAP,)


@pytest.mark.parametrize("with_counter", [True, False], ids=["counter", "no counter"])
def test_the_last_tenth_may_be_silent_and_is_told(with_counter: bool) -> None:
    truth = constant(400.0)
    for energy in both(silent_from(7.7, with_counter=with_counter)):
        assert energy.energy_joules is not None and Reason.GAP in energy.reasons
        assert error(energy, truth) < 0.003


def test_readings_that_stop_at_the_windows_end_are_no_silence() -> None:
    for energy in both(silent_from(END / NS)):
        assert energy.method == "counter" and energy.reasons == ()


def test_a_live_figure_says_within_a_second_or_so_that_its_device_is_silent() -> None:
    meter = silent_from(6.0)
    soon, later = meter.snapped(BEGIN, round(6.5 * NS), quick=True), meter.snapped(BEGIN, round(7.3 * NS), quick=True)
    assert soon.energy_joules is not None and soon.reasons == ()
    assert later.reasons == (Reason.GAP,) and not later.valid


def test_a_counter_that_was_not_read_is_not_one_that_stood_still() -> None:
    meter = meter_of(constant(400.0), seconds=4.0)
    for ms in range(6010, 9000):
        meter.add(ms * MS, instant=400.0 + ms // 100 % 2, average=400.0, joules=None)
    energy = meter.snapped(BEGIN, END)
    assert energy.method == "integral_instant" and Reason.COUNTER_INSTANT_DISAGREE not in energy.reasons
    assert Reason.GAP in energy.reasons


# -- reasons that only some loads have


def test_a_given_window_of_which_most_is_open_is_too_short() -> None:
    energy = meter_of(square(0.04), seconds=7.5).given(round(5.02 * NS), round(5.14 * NS))
    assert energy.method == "counter" and energy.energy_joules is not None and energy.uncertainty_joules is not None
    assert energy.uncertainty_joules > 0.05 * energy.energy_joules
    assert Reason.WINDOW_TOO_SHORT in energy.reasons and not energy.valid


def test_without_an_average_a_counter_that_contradicts_the_instant_field_is_not_believed() -> None:
    wrong = meter_of(constant(400.0), seconds=7.5, counter=constant(300.0), with_average=False)
    for energy in both(wrong):
        assert energy.reasons == (Reason.COUNTER_INSTANT_DISAGREE,) and not energy.valid
