"""The turns, with entrants that do as they are told: who runs when, and what happens when one is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.clock import NS, MonotonicClock
from engine.config import Demo
from engine.documents import Document, Mark, MarkKind, Page, Start
from engine.errors import ArmError
from engine.loadgen import RoundLoad
from engine.narrator import Narrator
from engine.recording import Recorder
from engine.turns import Entrant, Turns
from engine.turns import turns as turns_module


class Scripted:
    """An entrant that notes what it is asked; `fails` maps a word ("wake", "round 3") to what is raised or told."""

    slots: int | None = 2
    concurrency: int | None = 8

    def __init__(self, label: str, stage: "Stage") -> None:
        self.label, self._stage = label, stage
        self.fails: dict[str, str] = {}

    async def wake(self) -> None:
        self._note("wake")

    async def rest(self) -> None:
        self._note("rest")
        self._stage.narrator.arm_state(self.label, "resting")

    async def warm_up(self, until_ns: int) -> None:
        self._note("warm up")

    def _note(self, word: str) -> None:
        self._stage.said.append(f"{self.label} {word}")
        if word in self.fails:
            raise ArmError(self.label, self.fails[word])

    async def round(self, number: int, until: int | asyncio.Event, *, requests: int | None = None) -> RoundLoad:
        clock = self._stage.narrator.clock
        load = RoundLoad(self.label, number, begun_ns=clock.now_ns())
        self._stage.said.append(f"{self.label} round {number}")
        self._stage.busy.add(self.label)
        self._stage.together.add("".join(sorted(self._stage.busy)))
        try:
            if f"hang {number}" in self.fails:
                self._stage.hanging.set()
                await asyncio.Event().wait()
            if isinstance(until, int):
                await clock.wait_until(until)
            else:
                load.finished_ns = [clock.now_ns() + n for n in range(requests or 0)]
                await asyncio.sleep(0.01)
        finally:
            self._stage.busy.discard(self.label)
        load.problem = self.fails.get(f"round {number}")
        load.cutoff_ns = clock.now_ns()
        return load


class Stage:
    """A narrator, scripted entrants, and what they and the narrator said."""

    def __init__(self, path: Path, arms: int = 2, workload: dict[str, Any] | None = None, **schedule: Any) -> None:
        self.demo = Demo.model_validate(
            {
                "title": "t",
                "model": {"gpu": "m"},
                "workload": workload or {},
                "schedule": {"round_seconds": 0.5, "baseline_seconds": 0, "rounds": 4, **schedule},
                "arms": [{"name": f"arm {n}", "runtime": "simulated"} for n in range(arms)],
            }
        )
        self.said: list[str] = []
        self.together: set[str] = set()
        self.busy: set[str] = set()
        self.hanging = asyncio.Event()
        self.documents: list[Document] = []
        self.recorder = Recorder(path).__enter__()
        self.narrator = Narrator(MonotonicClock(time.monotonic_ns()), self.recorder, on_loss=lambda error: None)
        self.narrator.sinks.append(self.documents.append)
        self.arms = {label: Scripted(label, self) for label in self.demo.labels}

    def turns(self, decided: Callable[[], bool] = lambda: False) -> Turns:
        arms = [{"label": a, "name": a, "runtime": "simulated", "devices": ["gpu0"]} for a in self.arms]
        start = {"run": "r", "utc": "", "seed": 1, "demo": {}, "arms": arms, "provenance": {}, "simulated": {}}
        self.narrator.emit(Start.model_validate(start))
        entrants: dict[str, Entrant] = dict(self.arms)
        return Turns(self.demo, entrants, self.narrator, decided=decided)

    def marks(self, kind: MarkKind) -> list[Mark]:
        return [each for each in self.documents if isinstance(each, Mark) and each.kind is kind]

    def celsius(self, value: float, device: str = "gpu0") -> None:
        """The device tells its temperature."""
        data: dict[str, list[Any]] = {"temperature_celsius": [value]}
        self.narrator.emit(Page(stream=f"{device}.slow", t_ns=[self.narrator.clock.now_ns()], data=data))

    @property
    def rounds(self) -> str:
        return "".join(each[0] for each in self.said if "round" in each)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Stage]]:
    monkeypatch.setattr(turns_module, "_OBITUARY_SECONDS", 0.05)
    made: list[Stage] = []

    def make(**options: Any) -> Stage:
        made.append(Stage(tmp_path / f"{len(made)}.jsonl", **options))
        return made[-1]

    yield make
    for each in made:
        each.recorder.__exit__(None, None, None)


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
