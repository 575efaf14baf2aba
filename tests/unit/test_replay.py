"""Replay: the same documents in the same order, at the asked pace, from any moment on."""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from story import SECOND, story

from engine.clock import FakeClock
from engine.documents import Document, Mark, MarkKind, Stop, encode
from engine.ledger import Ledger
from engine.moments import FIRST_STEP, Moments, Reel, happened_ns, reel, thawed
from engine.replay import Pace, Replay
from server.scene import Scene
from server.stageinfo import ReplayInfo

PERIOD_NS = 50_000_000


@pytest.fixture
def recording(tmp_path: Path) -> Callable[[list[Document]], Path]:
    def write(documents: list[Document]) -> Path:
        path = tmp_path / "race.jsonl"
        path.write_bytes(b"".join(encode(document) for document in documents))
        return path

    return write


def new_scene() -> Scene:
    return Scene(period_ns=PERIOD_NS, replay=ReplayInfo(""))


def shown(scene: Scene) -> dict[str, Any]:
    """Everything that viewers could see of a scene, at one and the same moment."""
    scene.land(None, ReplayInfo("race.jsonl"), scene.ledger.newest_t_ns, 0)
    scene.settle()
    everything = scene.powers.between(0, 2**62, 2000)
    return {**scene.payload(0), "greeting": scene.greeting(), "archive": everything}


def straight(documents: list[Document], t_ns: int) -> Scene:
    """What playing them up to there makes, one frame after the other."""
    scene, newest = new_scene(), 0
    for document in documents:
        newest = max(newest, happened_ns(document))
        if newest > t_ns:
            break
        scene.add(document, newest)
        scene.payload(newest)
    return scene


async def test_a_replay_tells_exactly_what_was_recorded(recording: Callable[[list[Document]], Path]) -> None:
    told = story(rounds="A")
    heard: list[Document] = []
    clock = FakeClock()
    replay = Replay(recording(told), heard.append, clock=clock)
    replay.pace.begin = lambda: clock.advance(3600)  # everything is due: no waiting
    await replay.run()
    assert heard == told


async def test_a_recording_that_was_cut_off_ends_with_a_stop_that_says_so(
    recording: Callable[[list[Document]], Path],
) -> None:
    heard: list[Document] = []
    await Replay(recording(story(rounds="")[:1]), heard.append).run()
    assert isinstance(heard[-1], Stop) and heard[-1].exit_status == "fail" and "cut off" in heard[-1].reason


def test_ten_times_the_speed_is_a_tenth_of_the_wait() -> None:
    pace = Pace(FakeClock(100 * SECOND), speed=10.0)
    pace.begin()
    assert pace.wait_ns(20 * SECOND) == 2 * SECOND


def test_a_change_of_speed_goes_on_from_here_and_a_pause_stands_still() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    pace.begin()
    clock.advance(5)
    pace.change(speed=2.0)
    assert pace.here_ns == 5 * SECOND and pace.wait_ns(15 * SECOND) == 5 * SECOND
    clock.advance(1)
    pace.change(paused=True)
    clock.advance(60)
    assert pace.here_ns == 7 * SECOND and pace.wait_ns(8 * SECOND) == float("inf")
    assert pace.wait_ns(7 * SECOND) == 0, "what is due is told"
    pace.change(paused=False)
    clock.advance(0.5)
    assert pace.here_ns == 8 * SECOND


def test_other_speeds_are_refused(tmp_path: Path) -> None:
    replay = Replay(tmp_path / "x", lambda _: None)
    with pytest.raises(ValueError, match=r"speed 3 is not one of 0\.5, 1, 2, 10"):
        replay.set_speed(3.0)


def test_a_span_comes_when_it_ends() -> None:
    assert happened_ns(Mark(kind=MarkKind.ROUND_END, t_ns=5, end_t_ns=9)) == 9


def test_any_moment_is_what_a_straight_play_had_made_by_then(
    recording: Callable[[list[Document]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.moments.FIRST_STEP", 50)
    told = story(rounds="ABBA")
    moments = Moments(recording(told), new_scene)
    end_ns = happened_ns(told[-1])
    # Forward into the unread, back to before the first copy, between two documents, the end, and past it.
    for t_ns in (9 * SECOND, 3 * SECOND, 1, 12 * SECOND + 7, 0, end_ns, 5 * SECOND, 10 * end_ns):
        moment = moments.at(t_ns)
        expected = straight(told, t_ns)
        assert shown(thawed(moment.fold)) == shown(expected), t_ns
        assert moment.documents == len(until_then(told, t_ns))
        assert moment.stopped is (t_ns >= end_ns)


def until_then(told: list[Document], t_ns: int) -> list[Document]:
    newest, found = 0, []
    for document in told:
        newest = max(newest, happened_ns(document))
        if newest > t_ns:
            break
        found.append(document)
    return found


def test_what_is_added_after_a_jump_gives_the_same_figures_to_the_last_bit(
    recording: Callable[[list[Document]], Path],
) -> None:
    told = story(rounds="ABBA")
    moment = Moments(recording(told), new_scene).at(7 * SECOND)
    scene: Scene = thawed(moment.fold)
    for document in told[moment.documents :]:
        scene.add(document, 0)
    ledger = Ledger()
    for document in told:
        ledger.add(document)
    for label in "AB":
        assert scene.ledger.figures(label) == ledger.figures(label)
    assert scene.ledger.verdict() == ledger.verdict()


def test_copies_stay_few_and_any_moment_near_one(
    recording: Callable[[list[Document]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.moments.MOST_KEPT", 4)
    monkeypatch.setattr("engine.moments.FIRST_STEP", 10)
    moments = Moments(recording(story(rounds="ABBA")), new_scene)
    while moments.explore(100):
        pass
    assert 2 <= len(moments._kept) <= 4
    assert [kept.documents % moments._step for kept in moments._kept] == [0] * len(moments._kept)
    assert FIRST_STEP > 10, "the real one is coarser"


def test_the_reel_knows_every_round_and_steps_as_players_do(recording: Callable[[list[Document]], Path]) -> None:
    told = story(rounds="ABBA")
    found = reel(recording(told))
    begun = [mark.t_ns for mark in told if isinstance(mark, Mark) and mark.kind == MarkKind.ROUND_BEGIN]
    assert found == Reel(happened_ns(told[-1]), tuple(begun))
    first, second, *_, last = (t_ns + SECOND // 20 for t_ns in begun)  # its mark is told a moment after it
    assert found.step(0, forward=True) == first and found.step(first, forward=True) == second
    assert found.step(second + 3 * SECOND, forward=False) == second
    assert found.step(second + SECOND // 2, forward=False) == first
    assert found.step(first, forward=False) == 0 and found.step(last, forward=True) == found.duration_ns


class Player:
    """A replay on a clock that only the test moves."""

    def __init__(self, path: Path) -> None:
        self.clock, self.heard, self.cues = FakeClock(), list[Document](), list[dict[str, Any]]()
        self.replay = Replay(path, self.heard.append, tell=self.cues.append, begin=new_scene, clock=self.clock)
        self.playing = asyncio.create_task(self.replay.run(stay=True))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)

    def moments(self) -> list[tuple[int, Scene]]:
        told = [cue for cue in self.cues if cue["cue"] == "moment"]
        return [(cue["t_ns"], thawed(base64.b64decode(cue["fold"]))) for cue in told]


async def test_seek_step_loop_and_the_end(recording: Callable[[list[Document]], Path]) -> None:
    told = story(rounds="ABBA")
    end_ns = happened_ns(told[-1])
    player = Player(recording(told))
    replay = player.replay
    replay.pause(True)
    replay.seek(8 * SECOND)
    await player.until(lambda: len(player.moments()) == 1)
    assert player.moments()[0][0] == 8 * SECOND and shown(player.moments()[0][1]) == shown(straight(told, 8 * SECOND))
    await replay.step(forward=False)
    await player.until(lambda: len(player.moments()) == 2)
    assert player.moments()[1][1].ledger.current_rounds[0].number == 2

    player.heard.clear()
    replay.pause(False)
    player.clock.t_ns += end_ns  # everything is due now
    await player.until(lambda: bool(player.heard) and isinstance(player.heard[-1], Stop))
    before = len(until_then(told, player.moments()[1][0]))
    assert player.heard == told[before:], "what the moment told is not told again, and nothing is left out"

    player.heard.clear()
    replay.loop(True)
    await player.until(lambda: len(player.moments()) == 3)
    assert player.moments()[2][0] == 0
    player.clock.advance(1)
    await player.until(lambda: len(player.heard) > 0)
    assert player.heard[0] == told[len(until_then(told, 0))]
    player.playing.cancel()
    await asyncio.gather(player.playing, return_exceptions=True)


async def test_of_many_seeks_at_once_the_last_one_wins(recording: Callable[[list[Document]], Path]) -> None:
    player = Player(recording(story(rounds="ABBA")))
    player.replay.pause(True)
    for second in range(12, 2, -1):
        player.replay.seek(second * SECOND)
    await player.until(lambda: bool(player.moments()))
    assert [t_ns for t_ns, _ in player.moments()] == [3 * SECOND]
    player.playing.cancel()
    await asyncio.gather(player.playing, return_exceptions=True)
