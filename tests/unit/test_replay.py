"""Replay: the same documents in the same order, at the asked pace."""

from pathlib import Path

import pytest
from story import SECOND, story

from engine.clock import FakeClock
from engine.documents import Document, Mark, MarkKind, Stop, encode
from engine.replay import Pace, Replay, happened_ns


def recording(tmp_path: Path, documents: list[Document]) -> Path:
    path = tmp_path / "race.jsonl"
    path.write_bytes(b"".join(encode(document) for document in documents))
    return path


async def test_a_replay_tells_exactly_what_was_recorded(tmp_path: Path) -> None:
    told = story(rounds="A")
    heard: list[Document] = []
    clock = FakeClock()
    clock.advance(3600)  # everything is due: no waiting
    replay = Replay(recording(tmp_path, told), heard.append, clock=clock)
    replay.pace.begin = lambda: None  # type: ignore[method-assign]
    await replay.run()
    assert heard == told


async def test_a_recording_that_was_cut_off_ends_with_a_stop_that_says_so(tmp_path: Path) -> None:
    path = recording(tmp_path, story(rounds="")[:1])
    heard: list[Document] = []
    await Replay(path, heard.append).run()
    assert isinstance(heard[-1], Stop) and heard[-1].exit_status == "fail" and "cut off" in heard[-1].reason


def test_ten_times_the_speed_is_a_tenth_of_the_wait() -> None:
    clock = FakeClock(100 * SECOND)
    pace = Pace(clock, speed=10.0)
    pace.begin()
    assert pace.due_ns(20 * SECOND) == 102 * SECOND


def test_a_change_of_speed_goes_on_from_here() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    pace.begin()
    clock.advance(5)
    pace.change(2.0)
    assert pace.due_ns(5 * SECOND) == 5 * SECOND
    assert pace.due_ns(15 * SECOND) == 10 * SECOND
    clock.advance(1)
    pace.change(10.0)
    assert pace.due_ns(17 * SECOND) == 7 * SECOND


def test_other_speeds_are_refused(tmp_path: Path) -> None:
    replay = Replay(tmp_path / "x", lambda _: None)
    with pytest.raises(ValueError, match="speed 3 is not one of 1, 2, 10"):
        replay.set_speed(3.0)


def test_a_span_comes_when_it_ends() -> None:
    assert happened_ns(Mark(kind=MarkKind.ROUND_END, t_ns=5, end_t_ns=9)) == 9
