"""The grid of a timer through brackets: exact, honest about what they leave open, and none where there is none."""

import random

import pytest

from engine.energy.grid import Bracket, fit
from engine.energy.ticks import CounterTrack

MS = 1_000_000


def brackets(
    period: float, offset: float, count: int, poll: float, *, seed: int = 0, jitter: float = 0.0
) -> list[Bracket]:
    """What a poll every `poll` nanoseconds, late by up to 50 us, sees of a timer whose renewals wander by `jitter`."""
    rng, found = random.Random(seed), []
    polls = [number * poll + rng.uniform(0, 50_000) for number in range(round(count * period / poll))]
    due = [offset + number * period + rng.uniform(-jitter, jitter) for number in range(count)]
    for moment in due:
        after = max((each for each in polls if each < moment), default=None)
        by = min((each for each in polls if each >= moment), default=None)
        if after is not None and by is not None:
            found.append(Bracket(round(after), round(by)))
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("period", [100 * MS, 20 * MS, 100.7 * MS])
def test_a_grid_is_found_to_a_fraction_of_the_poll(period: float, seed: int) -> None:
    offset = random.Random(seed).uniform(0, period)
    seen = brackets(period, offset, 40, 9.7 * MS, seed=seed)
    grid = fit(seen)
    assert grid is not None
    assert grid.period == pytest.approx(period, rel=2e-3)
    middle = offset + round((seen[len(seen) // 2].t_ns - offset) / period) * period
    assert abs(grid.t_ns(0) - middle) < 1 * MS, "a tenth of the poll's period"


def test_the_doubt_covers_where_the_renewals_were() -> None:
    covered = 0
    for seed in range(100):
        offset = random.Random(seed).uniform(0, 100 * MS)
        seen = brackets(100 * MS, offset, 40, 9.7 * MS, seed=seed)
        grid = fit(seen)
        assert grid is not None
        true = offset + round((seen[len(seen) // 2].t_ns - offset) / (100 * MS)) * 100 * MS
        covered += abs(grid.t_ns(0) - true) <= 3**0.5 * grid.deviation([(0, 1.0)]) + 1
    assert covered >= 90


def test_what_misplaces_both_edges_alike_is_no_doubt_about_their_distance() -> None:
    grid = fit(brackets(100 * MS, 33 * MS, 40, MS))
    assert grid is not None
    alone, apart = grid.deviation([(0, 1.0)]), grid.deviation([(0, 1.0), (10, -1.0)])
    assert apart < alone / 10


def test_no_grid_through_an_irregular_timer_or_too_few_brackets() -> None:
    assert fit(brackets(100 * MS, 33 * MS, 40, MS, jitter=20 * MS)) is None
    assert fit(brackets(100 * MS, 33 * MS, 3, MS)) is None


def test_an_outage_does_not_misnumber_the_ticks_after_it() -> None:
    seen = brackets(100 * MS, 33 * MS, 40, MS)
    outage = Bracket(seen[10].after_ns, seen[21].by_ns)
    grid = fit([*seen[:11], outage, *seen[22:]])
    whole = fit(seen)
    assert grid is not None and whole is not None
    moment = seen[30].t_ns
    assert abs(grid.t_ns(grid.number(moment)) - whole.t_ns(whole.number(moment))) < MS


def test_ticks_of_an_irregular_timer_keep_their_own_brackets() -> None:
    track, rng = CounterTrack(), random.Random(3)
    due, joules = 0.0, 0.0
    ticks = []
    for _ in range(30):
        due += rng.uniform(60, 140)
        ticks.append(due)
    for poll in range(3000):
        joules = 40.0 * sum(tick <= poll for tick in ticks)
        track.add(poll * MS, joules)
    places = track.places(5, 20)
    assert [places.t_ns(at) for at in (5, 20)] == [track.ticks[at].t_ns for at in (5, 20)]
    assert 0 < places.deviation([(5, 400.0)]) < 400 * 0.001


@pytest.mark.parametrize("poll_ms", [7.9, 9.7, 13.0])
def test_a_poll_that_is_hardly_faster_than_the_ticks_leaves_each_in_its_bracket(poll_ms: float) -> None:
    """A V100 ticks every 20 ms: at 100 Hz a bracket is half a period or more, and the numbering may go wrong."""
    for seed in range(20):
        track, rng = CounterTrack(), random.Random(seed)
        phase = rng.uniform(0, 20)
        for number in range(400):
            t = number * poll_ms + rng.uniform(0, poll_ms / 2)
            track.add(round(t * MS), 10.0 * ((t + phase) // 20))
        places = track.places(5, len(track.ticks) - 5)
        times = [places.t_ns(at) for at in range(5, len(track.ticks) - 5)]
        for tick, t_ns in zip(track.ticks[5:-5], times, strict=True):
            slack = (tick.by_ns - tick.after_ns) // 5
            assert tick.after_ns - slack <= t_ns <= tick.by_ns + slack
