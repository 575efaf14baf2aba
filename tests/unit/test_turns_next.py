"""The presenter's word to go on: what it ends, and what is told of it."""

import asyncio
from collections.abc import Callable

import pytest
from scripted_turns import Stage

from engine.clock import NS
from engine.documents import Mark, MarkKind
from engine.turns import Turns
from engine.turns.skipping import Skipping

Make = Callable[..., Stage]
CUT = "ended early by the presenter"


async def phase(show: Stage, state: str) -> Mark:
    """The newest phase's mark, as soon as it is `state`."""
    async with asyncio.timeout(30):
        while not (phases := show.marks(MarkKind.PHASE)) or phases[-1].state != state:
            await asyncio.sleep(0.005)
    return phases[-1]


async def skipped_to(turns: Turns, race: asyncio.Task[None]) -> None:
    """Say it again until the race has gone on to its end: between two turns nobody listens."""
    async with asyncio.timeout(30):
        while not race.done():
            turns.next()
            await asyncio.sleep(0.01)
    await race


async def test_a_turn_that_is_cut_short_is_incomplete_and_the_next_one_whole(stage: Make) -> None:
    show = stage(round_seconds=600)
    show.arms["A"].fails["hang 1"] = ""
    turns = show.turns()
    race = asyncio.create_task(turns.rounds())
    await show.hanging.wait()
    turns.next()
    async with asyncio.timeout(30):
        while len(show.marks(MarkKind.ROUND_BEGIN)) < 2:
            await asyncio.sleep(0.005)
    [end] = show.marks(MarkKind.ROUND_END)
    assert end.round == 1 and end.data == {"complete": False, "reason": CUT}
    assert show.said[:4] == ["A wake", "A round 1", "A rest", "B wake"]
    assert show.marks(MarkKind.WARNING) == [], "it is nobody's fault"
    await skipped_to(turns, race)
    assert show.rounds == "ABBA"


async def test_a_cut_round_of_any_length_does_not_count(stage: Make) -> None:
    show = stage(round_seconds=600, rounds=4)
    turns = show.turns()
    await skipped_to(turns, asyncio.create_task(turns.rounds()))
    assert [mark.data["complete"] for mark in show.marks(MarkKind.ROUND_END)] == [False] * 4
    ledger = show.narrator.ledger
    assert [ledger.values(label, "joules_per_token") for label in "AB"] == [[None, None], [None, None]]
    assert ledger.verdict() is None


@pytest.mark.parametrize("mode", ["alternate", "parallel"])
async def test_a_warm_up_can_be_cut_and_is_told(stage: Make, mode: str) -> None:
    show = stage(mode=mode, warm_up_seconds=600)
    for arm in show.arms.values():
        arm.fails["hang warm up"] = ""
    turns = show.turns()
    await skipped_to(turns, asyncio.create_task(turns.warm_up()))
    warnings = show.marks(MarkKind.WARNING)
    assert [mark.arm for mark in warnings] == ["A", "B"]
    assert all(CUT in (mark.text or "") for mark in warnings)
    assert show.said[-1] == "B rest"


async def test_the_baseline_can_be_cut(stage: Make) -> None:
    show = stage(baseline_seconds=600)
    turns = show.turns()
    resting = asyncio.create_task(turns.baseline())
    await phase(show, "baseline")
    turns.next()
    async with asyncio.timeout(30):
        await resting


async def test_before_the_baseline_the_device_comes_to_rest(stage: Make) -> None:
    show = stage(baseline_seconds=0.4)
    begun = show.narrator.clock.now_ns()
    await show.turns().baseline()
    [mark] = show.marks(MarkKind.PHASE)
    assert mark.t_ns - begun >= 0.4 * NS and mark.data["ends_t_ns"] - mark.t_ns == pytest.approx(
        0.4 * NS, abs=0.01 * NS
    )
    assert show.said == [], "nobody needs to be woken"


async def test_of_arms_that_sleep_one_is_awake_in_the_baseline(stage: Make) -> None:
    show = stage(baseline_seconds=0.1)
    for arm in show.arms.values():
        arm.sleeps = True
    await show.turns().baseline()
    assert show.said == ["A wake", "A rest"]
    [phase_mark], [asleep] = show.marks(MarkKind.PHASE), show.marks(MarkKind.ARM)
    assert asleep.state == "asleep" and asleep.t_ns >= phase_mark.data["ends_t_ns"], "it slept after the baseline"


async def test_a_cool_down_can_be_cut_and_says_that_it_was_too_warm(stage: Make) -> None:
    show = stage(rounds=2, round_requests=5, cooldown_celsius=2, cooldown_timeout_seconds=600)
    turns = show.turns()
    show.celsius(40)
    race = asyncio.create_task(turns.rounds())
    while not show.said:
        await asyncio.sleep(0)
    show.celsius(60)
    await phase(show, "cooling")
    turns.next()
    async with asyncio.timeout(30):
        await race
    [note] = show.marks(MarkKind.NOTE)
    assert note.data["reached"] is False and show.rounds == "AB"
    assert all(mark.data["complete"] for mark in show.marks(MarkKind.ROUND_END))


def test_the_word_means_what_is_on_now_and_nothing_later() -> None:
    skipping = Skipping()
    skipping.skip()
    with skipping.possible() as first:
        assert not first.is_set()
        skipping.skip()
        assert first.is_set()
    with skipping.possible() as second:
        assert not second.is_set()
