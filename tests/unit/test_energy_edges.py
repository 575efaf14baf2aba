"""Where a window that wattrace chooses begins and ends: within a tick of what was asked, whatever was not heard."""

import pytest
from polled import SIGNALS, constant, meter_of, true_joules

from engine.clock import NS
from engine.energy import WindowEnergy
from engine.validity import Reason

BEGIN, END = 3.3, 8.03
TICK = 0.1
READ = 0.012
"""Seconds that a tick may be misplaced by: a reading's distance, at the slowest poll here."""
HOLES = [(before, after) for before in (0.04, 0.2, 0.7, 1.5) for after in (0.02, 0.13, 0.35, 1.1)]
"""Seconds from the hole's begin to the edge, and from the edge to the hole's end."""


def snapped(edge: float, hole: tuple[float, float], kind: str, poll_ms: float, seed: int) -> WindowEnergy:
    span = (edge - hole[0], edge + hole[1])
    meter = meter_of(constant(400.0), seconds=8.5, seed=seed, poll_ms=poll_ms, **{kind: span})
    return meter.snapped(round(BEGIN * NS), round(END * NS))


@pytest.mark.parametrize("kind", ["lost", "asleep", "uncounted"])
@pytest.mark.parametrize("edge", [BEGIN, END])
@pytest.mark.parametrize("poll_ms", [2.0, 9.7])
def test_a_hole_moves_no_edge_by_more_than_a_tick(kind: str, edge: float, poll_ms: float) -> None:
    """Nor outwards at all; else the window is as it was asked for, and the reason is told."""
    for number, hole in enumerate(HOLES):
        energy = snapped(edge, hole, kind, poll_ms, seed=number)
        inwards = energy.start_ns / NS - BEGIN, END - energy.end_ns / NS
        assert min(inwards) >= -READ and max(inwards) <= TICK + READ, hole
        if energy.method == "counter":
            assert energy.energy_joules is not None and energy.uncertainty_joules is not None
            assert abs(energy.energy_joules - true_joules(energy, constant(400.0))) <= energy.uncertainty_joules
        else:
            assert inwards == (0, 0) and Reason.GAP in energy.reasons, hole
            assert Reason.COUNTER_INSTANT_DISAGREE not in energy.reasons


def test_a_hole_at_an_edge_that_the_ticks_grid_bridges_costs_nothing() -> None:
    for seed in range(8):
        energy = snapped(BEGIN, (0.04, 0.02), "lost", 1.0, seed)
        assert energy.method == "counter" and energy.valid


@pytest.mark.parametrize("name", SIGNALS)
def test_edges_are_within_a_tick_when_all_is_well(name: str) -> None:
    for seed in range(3):
        energy = meter_of(SIGNALS[name], seconds=7.5, seed=seed).snapped(round(BEGIN * NS), round(END * NS))
        assert energy.method == "counter"
        assert energy.start_ns / NS - BEGIN <= TICK + READ and END - energy.end_ns / NS <= TICK + READ
