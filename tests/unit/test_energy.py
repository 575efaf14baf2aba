"""Energy of a window from readings whose truth is known."""

import random

import pytest

from engine.clock import NS
from engine.energy import CounterTrack, EnergyMeter, PowerTrack

MS = 1_000_000


def meter_of(
    watts: float, *, seconds: float, counter_ms: int = 100, poll_ms: float = 10, phase_ms: float = 0
) -> EnergyMeter:
    """A meter that was polled on a device with constant power and a counter that ticks every `counter_ms`."""
    meter = EnergyMeter()
    t = 0.0
    while t < seconds * 1000:
        ticked_ms = (t - phase_ms) // counter_ms * counter_ms + phase_ms
        meter.add(round(t * MS), instant=watts, average=watts, joules=1000 + watts * ticked_ms / 1000)
        t += poll_ms
    return meter


@pytest.mark.parametrize("seed", range(8))
def test_constant_power_over_a_snapped_window(seed: int) -> None:
    rng = random.Random(seed)
    meter = meter_of(400.0, seconds=8, phase_ms=rng.uniform(0, 100), poll_ms=9.7)
    start = round(rng.uniform(0.5, 1.5) * NS)
    end = start + round(4.73 * NS)
    energy = meter.window(start, end)
    assert energy is not None and energy.method == "counter"
    assert start <= energy.start_ns < energy.end_ns <= end
    assert end - start - (energy.end_ns - energy.start_ns) < 230 * MS, "at most one tick is given up at each edge"
    assert abs(energy.energy_joules - 400.0 * energy.seconds) <= energy.uncertainty_joules


def test_cross_checks_are_there_when_asked_for() -> None:
    energy = meter_of(250.0, seconds=4).window(NS, 3 * NS, checked=True)
    assert energy is not None
    for value in energy.cross_checks.values():
        assert value is not None and value == pytest.approx(250.0 * energy.seconds, rel=0.02)


def test_a_counter_reset_is_never_a_negative_energy() -> None:
    track = CounterTrack()
    for step, joules in enumerate([10.0, 11.0, 12.0, 0.5, 1.5, 2.5]):
        track.add(step * 100 * MS, joules)
    assert track.resets == 1
    edges = track.snapped(0, NS)
    assert edges is not None and edges[1].joules - edges[0].joules == 1.0


def test_an_outage_widens_the_bracket_and_is_no_zero() -> None:
    track = CounterTrack()
    for t_ms, joules in [(0, 1.0), (10, None), (20, None), (30, 2.0), (40, 3.0)]:
        track.add(t_ms * MS, joules)
    assert [(tick.after_ns, tick.by_ns) for tick in track.ticks] == [(0, 30 * MS), (30 * MS, 40 * MS)]


def test_without_a_counter_the_instant_field_is_integrated_and_said_so() -> None:
    meter = EnergyMeter()
    for step in range(500):
        meter.add(step * 10 * MS, instant=100.0 if step < 250 else 300.0, average=None, joules=None)
    energy = meter.window(NS, 4 * NS)
    assert energy is not None and energy.method == "integral_instant"
    assert energy.energy_joules == pytest.approx(100 * 1.5 + 300 * 1.5, rel=1e-6)


def test_without_any_sensor_energy_is_unknown() -> None:
    meter = EnergyMeter()
    for step in range(100):
        meter.add(step * 10 * MS, instant=None, average=None, joules=None)
    assert meter.window(0, NS) is None
    assert meter.power(0, NS) == (None, None)
    assert meter.recent_watts(0, NS) is None


def test_a_window_between_two_ticks_is_not_guessed_from_the_counter() -> None:
    energy = meter_of(400.0, seconds=2).window(NS + 10 * MS, NS + 60 * MS)
    assert energy is not None and energy.method == "integral_instant"


def test_a_power_track_with_too_many_holes_says_unknown() -> None:
    track = PowerTrack()
    for step in range(100):
        track.add(step * 10 * MS, 100.0 if step % 2 else None)
    assert track.integral(0, 900 * MS) is None


def test_forgetting_keeps_what_comes_after() -> None:
    meter = meter_of(400.0, seconds=4)
    whole = meter.window(2 * NS, 3 * NS)
    meter.forget_before(NS)
    assert meter.window(2 * NS, 3 * NS) == whole
    assert meter.instant.t_ns[0] >= NS
