"""Times that nobody listened: unknown for every sensor, whether rows without values stand there or none at all."""

import random

import pytest
from polled import MS, Truth, constant, meter_of, square, true_joules

from engine.clock import NS
from engine.energy import EnergyMeter
from engine.energy.listening import Listening
from engine.energy.power import PowerTrack
from engine.energy.ticks import CounterTrack
from engine.validity import Reason

BEGIN, END = round(3.3 * NS), round(8.03 * NS)
KINDS = ["lost", "asleep"]
INTEGRALS = {"no counter": {"with_counter": False}, "only the average": {"with_counter": False, "with_instant": False}}


@pytest.mark.parametrize("board", INTEGRALS.values(), ids=INTEGRALS)
@pytest.mark.parametrize("kind", KINDS)
def test_energy_is_unknown_where_nobody_listened_for_more_than_a_tenth(kind: str, board: dict[str, bool]) -> None:
    meter = meter_of(square(3.0), seconds=7.5, **{kind: (5.0, 6.5)}, **board)
    energy = meter.given(BEGIN, END)
    assert energy.energy_joules is None and energy.reasons == (Reason.GAP,)


@pytest.mark.parametrize("board", INTEGRALS.values(), ids=INTEGRALS)
def test_a_hole_without_rows_is_the_same_as_one_with_empty_rows(board: dict[str, bool]) -> None:
    truth = square(0.5)
    lost, asleep = (meter_of(truth, seconds=7.5, seed=3, **{kind: (5.0, 5.4)}, **board) for kind in KINDS)
    empty, none = lost.given(BEGIN, END), asleep.given(BEGIN, END)
    assert empty.energy_joules == pytest.approx(none.energy_joules, rel=0.01) and none.reasons == empty.reasons
    assert empty.uncertainty_joules == pytest.approx(none.uncertainty_joules, rel=0.05)
    for energy in (empty, none):
        assert energy.energy_joules is not None and energy.uncertainty_joules is not None
        assert abs(energy.energy_joules - true_joules(energy, truth)) <= energy.uncertainty_joules


def test_pages_and_single_samples_tell_of_the_same_holes() -> None:
    rows = [(ms * MS, 400.0 + ms // 100 % 3, 400.0, ms // 100 * 40.0) for ms in (*range(2000), *range(2800, 5000))]
    alone, paged = EnergyMeter(), EnergyMeter()
    for t_ns, instant, average, joules in rows:
        alone.add(t_ns, instant=instant, average=average, joules=joules)
    for first in range(0, len(rows), 50):
        t_ns, instant, average, joules = (list(column) for column in zip(*rows[first : first + 50], strict=True))
        paged.add_page(t_ns, instant=instant, average=average, joules=joules)
    assert vars(alone.instant) == vars(paged.instant) and vars(alone.average) == vars(paged.average)
    assert alone.given(NS, 4 * NS) == paged.given(NS, 4 * NS)


def test_two_hangs_one_after_the_other_are_two_gaps() -> None:
    """The first is not what readings are usually apart."""
    listening = Listening()
    for ms in (*range(100), 900, 901, 1700, *range(1701, 1800)):
        listening.heard(ms * MS, answered=True)
    assert listening.missed(200 * MS, 300 * MS) and listening.missed(1000 * MS, 1100 * MS)
    hung = Listening()
    for ms in (*range(100), 900, 1700, *range(1701, 1800)):
        hung.heard(ms * MS, answered=True)
    assert hung.missed(1000 * MS, 1100 * MS)


def test_another_rate_is_no_row_of_gaps() -> None:
    listening = Listening()
    for ms in (*range(100), *range(200, 3000, 120)):
        listening.heard(ms * MS, answered=True)
    assert not listening.missed(500 * MS, 2000 * MS)


@pytest.mark.parametrize("with_rows", [True, False])
def test_the_ends_of_an_outage_are_no_renewals(with_rows: bool) -> None:
    """They would tear the grid that the renewals are on."""
    track = PowerTrack()
    for ms in range(6000):
        if not 3037 <= ms < 3512:
            track.add(ms * MS, 400.0 + (ms + 30) // 100 % 7)
        elif with_rows:
            track.add(ms * MS, None)
        else:
            track.unheard()
    found = track.updates(2 * NS, 5 * NS)
    assert len(found) >= 24
    assert all(abs((t_ns / MS + 30 + 50) % 100 - 50) < 2 for t_ns, _ in found)
    assert not [t_ns for t_ns, _ in found if 3040 * MS < t_ns < 3400 * MS]
    assert track.renewal_ns() == pytest.approx(100 * MS, rel=1e-4)
    assert track.holes(2 * NS, 5 * NS) == [(3036 * MS, 3512 * MS)]


def test_a_constant_load_with_a_hole_is_no_less_known() -> None:
    for kind in KINDS:
        meter = meter_of(constant(400.0), seconds=7.5, with_counter=False, **{kind: (5.0, 5.4)})
        energy = meter.given(BEGIN, END)
        assert energy.energy_joules == pytest.approx(true_joules(energy, constant(400.0)), rel=0.003)


# -- the edge of a window in a hole


def covered(truth: Truth, kind: str, **board: float | bool) -> tuple[int, int]:
    """Of windows that begin or end in a hole or beside it: how many the uncertainty covers, of how many."""
    hits = count = 0
    for seed in range(6):
        rng = random.Random(seed)
        begin = 5 + rng.random()
        end = begin + rng.uniform(0.15, 2.0)
        meter = meter_of(truth, seconds=8.5, seed=seed, **{kind: (begin, end)}, **board)
        for _ in range(6):
            edge = rng.uniform(begin - 0.1, end + 0.1)
            for window in ((edge, 9.03), (3.3, edge)):
                energy = meter.given(*(round(each * NS) for each in window))
                if energy.energy_joules is not None and energy.uncertainty_joules is not None:
                    hits += abs(energy.energy_joules - true_joules(energy, truth)) <= energy.uncertainty_joules
                    count += 1
                    assert {Reason.GAP} <= set(energy.reasons) or not begin < edge < end
                    wrong = {Reason.COUNTER_AVERAGE_DISAGREE, Reason.COUNTER_INSTANT_DISAGREE} & set(energy.reasons)
                    assert not wrong, "nobody contradicts anybody about what nobody heard"
    return hits, count


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("period", [0.2, 0.37, 1.0, 3.0, 6.0])
@pytest.mark.parametrize("board", [{}, {"with_average": False}, {"with_instant": False}], ids=["all", "no a.", "no i."])
def test_the_uncertainty_covers_a_given_edge_in_a_hole(kind: str, period: float, board: dict[str, bool]) -> None:
    hits, count = covered(square(period), kind, **board)
    assert count >= 60 and hits >= 0.95 * count, f"{hits} of {count}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_steady_load_leaves_little_open_in_a_hole(kind: str) -> None:
    truth = constant(400.0)
    for seed in range(4):
        meter = meter_of(truth, seconds=8.5, seed=seed, **{kind: (5.2, 6.7)})
        energy = meter.given(round(5.95 * NS), round(9.03 * NS))
        assert energy.uncertainty_joules is not None and energy.uncertainty_joules < 2 and energy.valid
        assert energy.energy_joules == pytest.approx(true_joules(energy, truth), abs=energy.uncertainty_joules)


@pytest.mark.parametrize("kind", KINDS)
def test_an_edge_in_a_hole_under_a_square_of_a_second_is_as_open_as_it_is(kind: str) -> None:
    """One step was thought to explain it, to a joule; there were three."""
    truth = square(1.0)
    for seed in range(4):
        meter = meter_of(truth, seconds=8.5, seed=seed, **{kind: (5.2, 6.7)})
        energy = meter.given(round(5.95 * NS), round(9.03 * NS))
        assert energy.energy_joules is not None and energy.uncertainty_joules is not None
        assert 100 < energy.uncertainty_joules < 400
        assert abs(energy.energy_joules - true_joules(energy, truth)) <= energy.uncertainty_joules


@pytest.mark.parametrize("kind", KINDS)
def test_windows_beside_a_hole_are_as_exact_as_ever(kind: str) -> None:
    truth = square(1.0)
    for seed in range(4):
        meter = meter_of(truth, seconds=10.5, seed=seed, **{kind: (6.2, 7.7)})
        for begin, end in ((3.3, 5.03), (8.83, 11.03)):
            energy = meter.given(round(begin * NS), round(end * NS))
            assert energy.reasons == () and energy.uncertainty_joules is not None and energy.uncertainty_joules < 10


def test_an_irregular_timers_tick_behind_a_hole_is_the_last_one_in_it() -> None:
    track, rng = CounterTrack(), random.Random(3)
    dues = [0.0]
    while dues[-1] < 9000:
        dues.append(dues[-1] + rng.uniform(60, 140))
    for ms in range(9000):
        track.add(ms * MS, None if 4000 <= ms < 6000 else 40.0 * sum(due <= ms for due in dues))
    behind = track.first_from(4900 * MS)
    newest = max(due for due in dues if due <= 6000)
    places = track.places(behind - 5, behind + 5)
    assert abs(places.t_ns(behind) / MS - newest) <= 80
    assert places.bounds(behind)[0] / MS <= newest <= places.bounds(behind)[1] / MS
    assert places.deviation([(behind, 400.0)]) < 400 * 0.06
