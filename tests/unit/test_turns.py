"""The turns, with entrants that do as they are told: who runs when, and what happens when one is lost."""

import asyncio
from collections.abc import Callable

import pytest
from scripted_turns import Stage

from engine.clock import NS
from engine.documents import MarkKind
from engine.errors import ArmError

Make = Callable[..., Stage]


async def test_arms_take_turns_each_between_waking_and_resting(stage: Make) -> None:
    show = stage(round_requests=5)
    turns = show.turns()
    await turns.warm_up()
    await turns.rounds()
    warmed = [f"{label} {word}" for label in "AB" for word in ("wake", "warm up", "rest")]
    raced = [[f"{a} wake", f"{a} round {n}", f"{a} rest"] for n, a in enumerate("ABBA", 1)]
    assert show.said == [*warmed, *(word for turn in raced for word in turn)]
    assert show.together == {"A", "B"}
    phases = [(mark.state, mark.data.get("arm")) for mark in show.marks(MarkKind.PHASE)]
    assert phases == [("warming", "A"), ("warming", "B"), *[("racing", None)] * 4, ("done", None)]
    assert show.marks(MarkKind.WARNING) == []


async def test_the_marks_of_a_round_by_seconds(stage: Make) -> None:
    show = stage(rounds=2)
    await show.turns().rounds()
    for nth, (begin, end) in enumerate(
        zip(show.marks(MarkKind.ROUND_BEGIN), show.marks(MarkKind.ROUND_END), strict=True)
    ):
        planned = begin.t_ns + NS // 2
        assert begin.round == end.round == nth + 1
        assert begin.data == {"slots": 2, "concurrency": 8, "ends_t_ns": planned, "requests": None, "block": 1}
        assert end.data == {"complete": True}
        assert end.end_t_ns is not None and begin.t_ns < end.t_ns <= end.end_t_ns


async def test_a_round_by_requests_is_full_until_fewer_are_left_than_slots(stage: Make) -> None:
    show = stage(rounds=2, round_requests=5)
    await show.turns().rounds()
    begin, end = show.marks(MarkKind.ROUND_BEGIN)[0], show.marks(MarkKind.ROUND_END)[0]
    assert begin.data["ends_t_ns"] is None and begin.data["requests"] == 5
    assert end.end_t_ns is not None and begin.t_ns <= end.t_ns < end.end_t_ns - NS // 200


@pytest.mark.parametrize("mode", ["parallel", "shared"])
async def test_together_all_arms_of_a_block_run_at_once(stage: Make, mode: str) -> None:
    show = stage(arms=3, mode=mode, rounds=7)
    turns = show.turns()
    await turns.warm_up()
    await turns.rounds()
    assert "ABC" in show.together
    begun = show.marks(MarkKind.ROUND_BEGIN)
    assert [mark.round for mark in begun] == [1, 2, 3, 4, 5, 6]
    assert [mark.data["block"] for mark in begun] == [1, 1, 1, 2, 2, 2]
    assert len({mark.t_ns for mark in begun[:3]}) == 1
    assert "1 of 7 rounds left out" in (show.marks(MarkKind.NOTE)[0].text or "")
    codes = [mark.data.get("code") for mark in show.marks(MarkKind.WARNING)]
    assert codes == (["shared_device"] if mode == "shared" else [])


async def test_a_lost_arm_s_round_ends_at_once_and_the_others_go_on(stage: Make) -> None:
    show = stage(arms=3, rounds=6, round_requests=5)
    show.arms["B"].fails["hang 2"] = ""
    turns = show.turns()
    race = asyncio.create_task(turns.rounds())
    await show.hanging.wait()
    error = ArmError("B", "was killed by SIGKILL")
    show.narrator.arm_failed(error)
    assert turns.lose(error) is True
    with pytest.raises(ArmError, match="SIGKILL"):
        await race
    assert show.rounds == "ABCCA"
    ended = {mark.round: mark.data for mark in show.marks(MarkKind.ROUND_END)}
    assert ended[2] == {"complete": False, "reason": str(error)}
    assert [number for number, data in ended.items() if data["complete"]] == [1, 3, 4, 6]
    assert [mark.arm for mark in show.marks(MarkKind.WARNING)] == ["B"]
    assert "B rest" not in show.said


async def test_one_of_two_is_not_enough(stage: Make) -> None:
    show = stage()
    assert show.turns().lose(ArmError("A", "gone")) is False


async def test_an_arm_that_does_not_wake_is_out(stage: Make) -> None:
    show = stage(arms=3, rounds=6, round_requests=5)
    show.arms["A"].fails["wake"] = "does not wake"
    with pytest.raises(ArmError, match="does not wake"):
        await show.turns().rounds()
    assert show.rounds == "BCCB"
    assert [mark.state for mark in show.marks(MarkKind.ARM) if mark.arm == "A"] == ["failed"]


async def test_a_failed_warm_up_of_one_of_two_ends_the_race(stage: Make) -> None:
    show = stage()
    show.arms["B"].fails["warm up"] = "no answer"
    with pytest.raises(ArmError, match="no answer"):
        await show.turns().warm_up()


async def test_whoever_watches_the_process_knows_better_why(stage: Make) -> None:
    show = stage()
    show.arms["B"].fails["warm up"] = "connection reset"
    turns = show.turns()
    warming = asyncio.create_task(turns.warm_up())
    while "B warm up" not in show.said:
        await asyncio.sleep(0)
    turns.lose(ArmError("B", "out of memory"))
    with pytest.raises(ArmError, match="out of memory"):
        await warming


async def test_a_round_that_failed_is_incomplete_and_the_race_goes_on(stage: Make) -> None:
    show = stage(round_requests=5)
    show.arms["B"].fails["round 2"] = "request 7 failed: HTTP 500"
    await show.turns().rounds()
    assert show.rounds == "ABBA"
    assert [m.data["complete"] for m in show.marks(MarkKind.ROUND_END)] == [True, False, True, True]
    assert show.marks(MarkKind.ROUND_END)[1].data["reason"] == "request 7 failed: HTTP 500"
    [warning] = show.marks(MarkKind.WARNING)
    assert warning.arm == "B" and warning.text == "round 2: request 7 failed: HTTP 500"


async def test_a_race_that_is_stopped_ends_its_round_in_the_recording(stage: Make) -> None:
    show = stage()
    show.arms["A"].fails["hang 1"] = ""
    race = asyncio.create_task(show.turns().rounds())
    await show.hanging.wait()
    race.cancel()
    await asyncio.gather(race, return_exceptions=True)
    [end] = show.marks(MarkKind.ROUND_END)
    assert end.data == {"complete": False, "reason": "the run ended in the middle of it"}
    assert not show.busy


@pytest.mark.parametrize(("wanted", "rounds"), [(True, "ABBA"), (False, "ABBAABBA")])
async def test_a_decided_race_ends_after_its_block_if_the_demo_wants(stage: Make, wanted: bool, rounds: str) -> None:
    show = stage(rounds=8, round_requests=5, stop_when_decided=wanted)
    await show.turns(lambda: len(show.rounds) >= 4).rounds()
    assert show.rounds == rounds
    notes = [mark.text for mark in show.marks(MarkKind.NOTE)]
    assert notes == (["the verdict is decided: ended after 2 of 4 blocks"] if wanted else [])
    assert show.marks(MarkKind.PHASE)[-1].state == "done"


async def test_a_warm_device_is_waited_for_and_what_was_reached_is_noted(stage: Make) -> None:
    show = stage(rounds=2, round_requests=5, cooldown_celsius=2, cooldown_timeout_seconds=30)
    turns = show.turns()
    show.celsius(40)
    race = asyncio.create_task(turns.rounds())
    while not show.said:
        await asyncio.sleep(0)
    show.celsius(60)
    while show.marks(MarkKind.PHASE)[-1].state != "cooling":
        await asyncio.sleep(0.01)
    cooling = show.marks(MarkKind.PHASE)[-1]
    assert cooling.data["goal_celsius"] == 42
    assert cooling.data["ends_t_ns"] == pytest.approx(cooling.t_ns + 30 * NS, abs=NS // 10)
    show.celsius(42)
    await race
    [note] = show.marks(MarkKind.NOTE)
    assert note.data == {"celsius": {"gpu0": 42.0}, "goal_celsius": {"gpu0": 42.0}, "reached": True}
    assert show.rounds == "AB"


async def test_a_device_that_stays_warm_is_not_waited_for_for_ever(stage: Make) -> None:
    show = stage(rounds=2, round_requests=5, cooldown_celsius=2, cooldown_timeout_seconds=0.2)
    turns = show.turns()
    show.celsius(40)
    race = asyncio.create_task(turns.rounds())
    while not show.said:
        await asyncio.sleep(0)
    show.celsius(60)
    await race
    [note] = show.marks(MarkKind.NOTE)
    assert note.data["reached"] is False and "gpu0 60 °C, wanted 42" in (note.text or "")
    assert show.rounds == "AB"
