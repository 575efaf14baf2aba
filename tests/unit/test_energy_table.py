"""The accuracy that is promised, signal by signal: the bench's own cases on exact readings at random phases.

The bench draws more phases, other rates, and has peers and a real sampler beside it: `python -m bench.energy`.
"""

import pytest

from bench.energy.boards import BOARDS
from bench.energy.cases import LONG, Case, all_cases
from bench.energy.score import Score, Trial
from bench.energy.virtual import trial

RATES_HZ = (1000, 100)
"""What `wattrace measure` reads at, and what a race does."""


def phases(case: Case, rate_hz: int) -> int:
    """A recording of five seconds takes four times as long to make as one of half a second."""
    return 4 if case.seconds == LONG and rate_hz == RATES_HZ[0] else 8


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(
    "case", all_cases(), ids=lambda case: f"{case.window} {case.seconds} s, {case.name}, {case.board}"
)
def test_the_worst_of_all_phases_is_as_good_as_promised(case: Case, rate_hz: int) -> None:
    seeds = [f"{number} {case.name} {case.seconds}" for number in range(phases(case, rate_hz))]
    assert Score(case, [trial(case, rate_hz, seed) for seed in seeds]).wrong() == []


# -- the score itself must not be pleased too easily

FED = next(case for case in all_cases() if case.counter_from_sensor)
SNAPPED = all_cases()[0]


def test_a_fed_counter_that_was_right_at_every_phase_shows_nothing() -> None:
    fine = Trial(100.0, 101.0)
    caught = Trial(100.0, 171.0, reasons=FED.flags, valid=False)
    missed = Trial(100.0, 171.0)
    assert Score(FED, [caught] * 5 + [fine] * 3).wrong() == []
    assert Score(FED, [fine] * 8).wrong() == ["off by more than 5 % on 0 of 8 only: too few to judge the flags by"]
    assert Score(FED, [caught] * 7 + [missed]).wrong() == [
        "counter_average_disagree on 7 of 8",
        "valid is true on 1 of 8",
    ]


def test_who_accuses_everything_finds_every_fault_and_is_wrong_all_the_same() -> None:
    accused = Trial(100.0, 100.0, reasons=("counter_average_disagree",), valid=False)
    assert Score(SNAPPED, [Trial(100.0, 100.0)] * 7 + [accused]).wrong() == [
        "valid is false on 1 of 8",
        "accused without a reason on 1 of 8",
    ]


@pytest.mark.parametrize(("off_ms", "holds"), [(0, True), (101, True), (115, False)])
def test_an_edge_that_moved_by_more_than_a_tick_is_wrong(off_ms: float, holds: bool) -> None:
    assert BOARDS[SNAPPED.board].counter == 0.1
    score = Score(SNAPPED, [Trial(100.0, 100.0, edges_off=off_ms / 1000)])
    assert score.wrong() == ([] if holds else ["an edge moved by 115 ms, more than a tick"])


def test_a_given_window_may_not_move_at_all() -> None:
    given = next(case for case in all_cases() if case.window == "command")
    assert Score(given, [Trial(100.0, 100.0, edges_off=0.001)]).wrong() == ["an edge moved by 1 ms, and was given"]
