"""A counter that is wrong for a moment of a long window, or beside an outage; and one that is right is not accused."""

import random
import time

import pytest
from polled import Truth, constant, error, held, meter_of, square

from bench.energy.cases import BEATING, OTHERS, SIGNALS, Case
from bench.energy.virtual import moment, sampled
from engine.clock import NS
from engine.energy import EnergyMeter, WindowEnergy
from engine.validity import Reason

WATTS = 400.0


def both(meter: EnergyMeter, begin: float, end: float) -> list[WindowEnergy]:
    window = round(begin * NS), round(end * NS)
    return [meter.snapped(*window), meter.given(*window)]


def losing(seconds: float, at: float) -> Truth:
    """A counter that stands still for a while and does not make up for it."""
    return lambda t: WATTS * (min(t, at) + max(t - at - seconds, 0.0))


def jumping(joules: float, at: float) -> Truth:
    return lambda t: WATTS * t + joules * (t > at)


@pytest.mark.parametrize(
    "counter",
    [losing(2.0, 31.23), losing(0.4, 31.23), losing(0.4, 3.55), losing(0.4, 64.0), jumping(200.0, 31.2)],
)
@pytest.mark.parametrize("with_average", [True, False], ids=["average", "instant"])
def test_what_a_counter_loses_or_adds_in_the_middle_of_a_minute_is_told(counter: Truth, with_average: bool) -> None:
    """The whole window's means differ by a percent or three, which is nothing."""
    meter = meter_of(constant(WATTS), seconds=64.0, poll_ms=5.0, counter=counter, with_average=with_average)
    expected = Reason.COUNTER_AVERAGE_DISAGREE if with_average else Reason.COUNTER_INSTANT_DISAGREE
    for energy in both(meter, 3.1, 64.8):
        assert energy.method == "counter" and error(energy, constant(WATTS)) > 0.002
        assert expected in energy.reasons and not energy.valid


def test_a_live_figure_is_not_compared() -> None:
    meter = meter_of(constant(WATTS), seconds=8.0, poll_ms=5.0, counter=losing(2.0, 5.0))
    assert meter.snapped(round(3.1 * NS), round(9.1 * NS), quick=True).reasons == ()


def fed(t: float) -> float:
    """A counter that takes the instant sensor's word, which sees only the upper half of a square of 100 ms."""
    return held(square(0.1), t, 0.0, 0.1, 0.025) * t


@pytest.mark.parametrize("kind", ["lost", "asleep"])
@pytest.mark.parametrize("outage", [(5.0, 6.0), (3.5, 4.2), (7.1, 7.4)])
def test_an_outage_does_not_keep_the_average_from_contradicting_the_counter(
    kind: str, outage: tuple[float, float]
) -> None:
    meter = meter_of(square(0.1), seconds=7.5, counter=fed, **{kind: outage})
    for energy in both(meter, 3.3, 8.03):
        assert energy.method == "counter" and error(energy, square(0.1)) > 0.5
        assert energy.reasons == (Reason.COUNTER_AVERAGE_DISAGREE, Reason.GAP) and not energy.valid


def test_an_outage_does_not_make_a_beating_load_a_wrong_counter() -> None:
    for seed in range(4):
        meter = meter_of(square(0.1), seconds=7.5, seed=seed, lost=(5.0, 6.0))
        for energy in both(meter, 3.3, 8.03):
            assert energy.valid and Reason.GAP in energy.reasons
            assert set(energy.reasons) <= {Reason.GAP, Reason.SENSOR_BEATS_WITH_LOAD}


@pytest.mark.parametrize("board", ["hopper", "volta"])
@pytest.mark.parametrize("name", [*SIGNALS, *BEATING, *OTHERS])
def test_a_true_counter_is_contradicted_at_no_phase(board: str, name: str) -> None:
    case = Case(name, (SIGNALS | BEATING | OTHERS)[name], board=board, seconds=7.13)
    for number, rate_hz in enumerate((1000, 100, 100, 50)):
        rng = random.Random(f"{board} {name} {number}")
        meter = sampled(case, case.drawn(rng), rate_hz, case.seconds, rng)
        for energy in (meter.snapped(moment(0), moment(7.13)), meter.given(moment(0), moment(7.13))):
            assert set(energy.reasons) <= {Reason.SENSOR_BEATS_WITH_LOAD}
            assert energy.valid


def test_comparing_an_hour_takes_no_time_to_speak_of() -> None:
    meter = EnergyMeter({"power_instant_watts": 25_000_000})
    joules = 0.0
    for tick in range(36_000):
        watts = 400.0 + 200.0 * (tick // 7 % 2) + tick % 3
        joules += watts / 10
        meter.add(tick * NS // 10, instant=watts, average=500.0 + tick % 5, joules=joules)
    begun = time.process_time()
    meter.given(10 * NS + 12_345_678, 3590 * NS)
    assert time.process_time() - begun < 2.0
