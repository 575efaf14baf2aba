"""Energy of a window from readings whose truth is known: a simulated sensor, polled as a sampler polls."""

import random
from collections.abc import Callable

import pytest

from engine.clock import NS
from engine.energy import EnergyMeter, WindowEnergy
from engine.validity import Reason

MS = 1_000_000
Truth = Callable[[float], float]
"""Joules since zero at a time in seconds."""


def constant(watts: float) -> Truth:
    return lambda t: watts * t


def square(period: float, low: float = 100.0, high: float = 600.0, duty: float = 0.5) -> Truth:
    def joules(t: float) -> float:
        whole, rest = divmod(t, period)
        per_period = period * (low + (high - low) * duty)
        return whole * per_period + low * rest + (high - low) * min(rest, duty * period)

    return joules


def held(truth: Truth, t: float, phase: float, period: float, window: float) -> float:
    """What a sensor shows at `t` that renews its value every `period` from the last `window`."""
    update = (t - phase) // period * period + phase
    return (truth(update) - truth(update - window)) / window


def meter_of(
    truth: Truth,
    *,
    seconds: float,
    seed: int = 0,
    poll_ms: float = 1.0,
    counter: Truth | None = None,
    lost: tuple[float, float] = (0.0, 0.0),
    reset_at: float = 1e9,
    with_counter: bool = True,
    with_average: bool = True,
) -> EnergyMeter:
    """A meter that was polled on a Hopper-like sensor: 25 of 100 ms instant, 1 s average, counter every 100 ms."""
    rng = random.Random(seed)
    phases = [rng.uniform(0, 0.1) for _ in range(3)]
    counted = counter or truth
    meter, t = EnergyMeter({"power_instant_watts": 25 * MS}), 2.0
    noise: dict[int, float] = {}
    while t < 2.0 + seconds:
        t += poll_ms / 1000
        seen = t + abs(rng.gauss(0, 2e-5))
        if lost[0] <= seen < lost[1]:
            meter.add(round(seen * NS), instant=None, average=None, joules=None)
            continue
        step = int((seen - phases[0]) / 0.1)
        instant = held(truth, seen, phases[0], 0.1, 0.025) + noise.setdefault(step, rng.gauss(0, 0.5))
        ticked = (seen - phases[2]) // 0.1 * 0.1 + phases[2]
        joules = round(1000 + counted(ticked) - (counted(reset_at) + 1000 if ticked > reset_at else 0), 3)
        meter.add(
            round(seen * NS),
            instant=instant,
            average=held(truth, seen, phases[1], 0.1, 1.0) if with_average else None,
            joules=joules if with_counter else None,
        )
    return meter


def error(energy: WindowEnergy, truth: Truth) -> float:
    """Relative error of the window's energy."""
    assert energy.energy_joules is not None
    true = truth(energy.end_ns / NS) - truth(energy.start_ns / NS)
    return abs(energy.energy_joules - true) / true


SIGNALS = {
    "constant": constant(400.0),
    "square 40 ms": square(0.04),
    "square 200 ms": square(0.2),
    "square 370 ms": square(0.37, duty=0.3),
    "square 1 s": square(1.0),
    "square 100 ms": square(0.1),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", SIGNALS)
def test_a_snapped_window_is_exact(name: str, seed: int) -> None:
    truth, rng = SIGNALS[name], random.Random(seed)
    start = round((3.2 + rng.random()) * NS)
    energy = meter_of(truth, seconds=7.5, seed=seed).snapped(start, start + round(4.73 * NS))
    assert energy.method == "counter" and energy.valid
    assert start <= energy.start_ns < energy.end_ns <= start + 4.73 * NS
    assert energy.seconds > 4.73 - 0.21, "at most a tick is given up at each edge"
    assert error(energy, truth) < 0.001
    beats = Reason.SENSOR_BEATS_WITH_LOAD in energy.reasons
    assert beats == (name == "square 100 ms")


def test_uncertainty_covers_the_truth_of_given_windows() -> None:
    """But for a load that beats with the sensor: no sensor shows what goes on inside its ticks."""
    covered = total = 0
    for number, (name, truth) in enumerate(SIGNALS.items()):
        for seed in range(0 if name == "square 100 ms" else 4):
            rng, meter = random.Random(number * 10 + seed), meter_of(truth, seconds=8.0, seed=seed)
            for _ in range(20):
                start = rng.uniform(3.2, 6.0)
                energy = meter.given(round(start * NS), round((start + rng.uniform(0.4, 3.4)) * NS))
                assert energy.energy_joules is not None and energy.uncertainty_joules is not None
                true = truth(energy.end_ns / NS) - truth(energy.start_ns / NS)
                covered += abs(energy.energy_joules - true) <= energy.uncertainty_joules
                total += 1
    assert covered >= 0.9 * total, f"{covered} of {total} windows"


@pytest.mark.parametrize(
    ("name", "most"), [("constant", 0.001), ("square 40 ms", 0.004), ("square 370 ms", 0.012), ("square 1 s", 0.012)]
)
def test_a_given_window_is_close(name: str, most: float) -> None:
    truth = SIGNALS[name]
    for seed in range(4):
        start = round(random.Random(seed).uniform(3.2, 4.2) * NS)
        energy = meter_of(truth, seconds=8.0, seed=seed).given(start, start + round(4.73 * NS))
        assert energy.method == "counter" and error(energy, truth) < most


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


def test_a_reset_costs_next_to_nothing_and_is_told() -> None:
    truth = constant(400.0)
    energy = meter_of(truth, seconds=7.5, reset_at=5.51).snapped(round(3.3 * NS), round(8 * NS))
    assert Reason.COUNTER_RESET in energy.reasons
    assert error(energy, truth) < 0.003


def test_an_outage_costs_next_to_nothing_and_is_told() -> None:
    truth = constant(400.0)
    meter = meter_of(truth, seconds=7.5, lost=(5.0, 6.0))
    for energy in (meter.snapped(round(3.3 * NS), round(8 * NS)), meter.given(round(3.3 * NS), round(8 * NS))):
        assert Reason.GAP in energy.reasons
        assert error(energy, truth) < 0.003


def test_an_outage_that_lasts_makes_the_energy_unknown() -> None:
    meter = meter_of(constant(400.0), seconds=7.5, lost=(5.0, 99.0))
    for energy in (meter.snapped(round(3.3 * NS), round(8 * NS)), meter.given(round(3.3 * NS), round(8 * NS))):
        assert energy.energy_joules is None and not energy.valid
        assert Reason.GAP in energy.reasons


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
