"""A driver call that takes its time: nobody knows of what moment in it the answer was, so no figure may rest on it."""

import random
from types import SimpleNamespace

import pytest
from polled import Hopper, Truth, constant, square, true_joules

from engine.clock import NS, FakeClock
from engine.energy import EnergyMeter
from engine.sampler.lanes import Lanes
from engine.validity import Reason

FIELDS = ("power_instant_watts", "power_average_watts", "energy_joules")
CALL = 20e-6
"""Seconds that a call usually takes."""


def lanes_of(index: int = 0) -> Lanes:
    source = SimpleNamespace(
        index=index, fast_columns=FIELDS, slow_calls=(), process_call=None, failure=None,
        read_fast=tuple, readings=lambda answer: answer,
    )  # fmt: skip
    return Lanes(source, FakeClock(), "sampler")


def sampled(truth: Truth, slow: dict[float, float], *, true_at: float, seed: int = 0, usual: float = CALL) -> Lanes:
    """Lanes that were read at 1 kHz for 7.5 s. Calls begun at the moments of `slow` take so many seconds more, and tell
    of the moment at this share of them."""
    rng = random.Random(seed)
    board, lanes, t = Hopper(truth, rng), lanes_of(), 2.0
    waiting = sorted(slow.items())
    while t < 9.5:
        length = usual
        if waiting and t >= waiting[0][0]:
            length += waiting.pop(0)[1]
        true = t + length * true_at
        answer = (board.instant(true), board.average(true), board.joules(true))
        lanes.samples.append((round(t * NS), round(t * NS), round((t + length) * NS), answer))
        t = max(t + 0.001, t + length) + abs(rng.gauss(0, 2e-5))
    return lanes


def meter_of(lanes: Lanes, rows: int = 50) -> EnergyMeter:
    """A meter that was given the lanes' samples in pages of so many, as a sampler hands them over."""
    meter = EnergyMeter({"power_instant_watts": 25_000_000})
    taken, lanes.samples = lanes.samples, []
    for first in range(0, len(taken), rows):
        lanes.samples.extend(taken[first : first + rows])
        for page in lanes.take(lambda why, t_ns: None):
            instant, average, joules = (page.data[name] for name in FIELDS)
            meter.add_page(page.t_ns, instant=instant, average=average, joules=joules)
    return meter


@pytest.mark.parametrize("true_at", [0.0, 0.97])
@pytest.mark.parametrize("seconds", [0.0005, 0.002, 0.02, 0.1, 0.45, 0.8])
def test_what_a_long_call_tells_is_not_placed_by_its_middle(seconds: float, true_at: float) -> None:
    """A window that begins within the call is off by no more than it says."""
    truth = constant(400.0)
    for seed in range(8):
        edge = 5.0 + Hopper(truth, random.Random(seed)).phases[2]  # a tick, which the call reads or does not
        meter = meter_of(sampled(truth, {edge - seconds / 2: seconds}, true_at=true_at, seed=seed))
        energy = meter.given(round(edge * NS), round(8.03 * NS))
        assert energy.energy_joules is not None and energy.uncertainty_joules is not None
        assert abs(energy.energy_joules - true_joules(energy, truth)) <= energy.uncertainty_joules
        assert energy.uncertainty_joules < 2.0
        assert energy.reasons == ((Reason.GAP,) if seconds >= 0.1 else ())


def test_a_call_that_is_long_is_no_reading_and_the_next_one_is() -> None:
    [page] = sampled(constant(400.0), {5.0: 0.3}, true_at=0.5).take(lambda why, t_ns: None)
    missing = [t_ns for t_ns, joules in zip(page.t_ns, page.data["energy_joules"], strict=True) if joules is None]
    assert len(missing) == 1 and 5.0 <= missing[0] / NS <= 5.31
    assert page.t_ns == sorted(page.t_ns)


@pytest.mark.parametrize(("usual", "rows"), [(500e-6, 50), (0.03, 1)])
def test_a_driver_that_is_always_slow_is_read_all_the_same(usual: float, rows: int) -> None:
    meter = meter_of(sampled(constant(400.0), {}, true_at=0.5, usual=usual), rows)
    energy = meter.given(round(5.0 * NS), round(8.0 * NS))
    assert energy.energy_joules == pytest.approx(1200, rel=0.01) and energy.reasons == ()


def test_many_slow_calls_leave_the_sensors_as_well_known_as_they_were() -> None:
    """One in twelve is no reading: wider brackets, and no row of holes."""
    truth = square(1.0)
    for seed in range(4):
        slow = {2 + number * 0.012: 0.003 for number in range(600)}
        meter = meter_of(sampled(truth, slow, true_at=0.2, seed=seed))
        assert meter.instant.period_ns() == pytest.approx(NS // 10, rel=0.02)
        energy = meter.given(round(3.33 * NS), round(8.03 * NS))
        assert energy.reasons == () and energy.uncertainty_joules is not None and energy.uncertainty_joules < 10
        assert energy.energy_joules == pytest.approx(true_joules(energy, truth), abs=0.1)


def test_calls_that_hang_one_after_the_other_do_not_become_usual() -> None:
    lanes = lanes_of()
    ends = 0
    for length in [20_000] * 5 + [400_000_000] * 3:
        lanes.samples.append((ends, ends, ends + length, (1.0, 1.0, 1.0)))
        ends += length + 1_000_000
        [page] = lanes.take(lambda why, t_ns: None)
        assert (page.data["energy_joules"][0] is None) == (length > NS // 10)
