"""The fallback: which recording may take over, what counts as trouble, and that nothing comes back by itself."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from story import SECOND, Teller, descriptors, start, story

from engine.clock import FakeClock
from engine.documents import Document, Mark, MarkKind, Page, Stop, encode
from engine.recording import check
from server.fallback import Fallback, Unavailable
from server.fallback_file import Reserve, find_reserve
from server.hub import Hub
from server.scene import Scene
from server.settings import Settings
from server.show import Show
from server.stageinfo import DemoInfo

DEMO = "story"


def write(
    file: Path, *, demo: str = DEMO, simulated: bool = True, status: Any = "success", packed: bool = False
) -> Path:
    told = story(rounds="AB")
    head = start(simulated=simulated)
    told[0] = head.model_copy(update={"demo": {**head.demo, "name": demo}})
    told[-1] = Stop(t_ns=told[-1].t_ns, exit_status=status) if isinstance(told[-1], Stop) else told[-1]
    return write_all(file, told, packed=packed)


def write_all(file: Path, told: list[Document], *, packed: bool = False) -> Path:
    content = b"".join(encode(document) for document in told)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(zstd.compress(content) if packed else content)
    return file


def found(tmp_path: Path) -> Path | None:
    reserve = find_reserve(DEMO, tmp_path, shipped=tmp_path / "shipped")
    return reserve.file if reserve else None


def test_without_a_complete_recording_of_this_demo_there_is_none(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    assert found(tmp_path) is None
    write(recordings / f"20260101-000000-{DEMO}-0001.jsonl", status="fail")
    write(recordings / f"20260101-000000-{DEMO}-0002.jsonl", demo="another")
    cut = write(recordings / f"20260101-000000-{DEMO}-0003.jsonl")
    cut.write_bytes(cut.read_bytes()[:-10])
    (recordings / f"20260101-000000-{DEMO}-0004.jsonl").write_bytes(b"no recording\n")
    (recordings / f"20260101-000000-{DEMO}-0005.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd broken")
    (recordings / f"20260101-000000-{DEMO}-0006.jsonl").write_bytes(b"")
    assert found(tmp_path) is None


def test_a_rehearsal_comes_before_a_race_and_a_race_before_what_is_shipped(tmp_path: Path) -> None:
    shipped = write(tmp_path / "shipped" / "recordings" / f"{DEMO}.jsonl.zst", packed=True)
    assert found(tmp_path) == shipped
    old = write(tmp_path / "recordings" / f"20260101-000000-{DEMO}-0001.jsonl")
    assert found(tmp_path) == old
    new = write(tmp_path / "recordings" / f"20260102-000000-{DEMO}-0001.jsonl")
    assert found(tmp_path) == new
    real = write(tmp_path / "recordings" / f"20251231-000000-{DEMO}-0001.jsonl", simulated=False)
    assert found(tmp_path) == real, "a real race before a simulated one"
    rehearsed = write(tmp_path / "fallback" / f"{DEMO}.jsonl")
    assert found(tmp_path) == real, "nor does a simulated rehearsal stand in for a real race"
    real.unlink()
    assert found(tmp_path) == rehearsed
    real = write(tmp_path / "recordings" / f"20251231-000000-{DEMO}-0001.jsonl", simulated=False)
    rehearsed = write(tmp_path / "fallback" / f"{DEMO}.jsonl", simulated=False)
    assert found(tmp_path) == rehearsed != real


def test_a_race_whose_sampler_died_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    good = write(recordings / f"20260101-000000-{DEMO}-0001.jsonl")
    died = Mark(kind=MarkKind.WARNING, t_ns=SECOND, text="the sampler died", data={"code": "sampler_died"})
    told = story(rounds="AB")
    write_all(recordings / f"20260102-000000-{DEMO}-0001.jsonl", [*told[:-1], died, told[-1]])
    assert found(tmp_path) == good
    said = Mark(kind=MarkKind.NOTE, t_ns=SECOND, text='"sampler_died" is but a word here')
    fine = write_all(recordings / f"20260103-000000-{DEMO}-0001.jsonl", [*told[:-1], said, told[-1]])
    assert found(tmp_path) == fine


def test_a_race_with_rounds_without_energy_is_passed_over_unless_there_was_no_sensor(tmp_path: Path) -> None:
    recordings, seen, blind = tmp_path / "recordings", {"energy_joules": 100.0}, {"energy_joules": None}

    def raced(day: int, *rounds: dict[str, Any]) -> Path:
        told = story(rounds="AB")
        assert isinstance(told[-1], Stop)
        arms: Any = [{"label": "A", "per_round": [{"complete": True, "reasons": [], **each} for each in rounds]}]
        told[-1] = told[-1].model_copy(update={"arms": arms})
        return write_all(recordings / f"202601{day:02}-000000-{DEMO}-0001.jsonl", told)

    good = raced(1, {"total": seen}, {"total": None, "complete": False})
    raced(2, {"total": seen}, {"total": blind, "reasons": ["gap"]})
    raced(3, {"total": blind, "reasons": ["gap"]})
    raced(4, {"total": seen}, {"total": blind})
    assert found(tmp_path) == good
    without = raced(5, {"total": blind}, {"total": blind})
    assert found(tmp_path) == without, "speed only, as the race on stage"


def test_the_default_demo_is_shipped_with_a_recording(tmp_path: Path) -> None:
    reserve = find_reserve("batch-1-vs-8", tmp_path)
    assert reserve is not None and reserve.simulated and reserve.utc
    assert reserve.file.stat().st_size < 1_500_000
    assert check(reserve.file).verdict == "good", "record it anew when METHOD rises: wattrace run, and pack"


class Stage:
    """A live scene, a hub and the fallback, on a clock that only the test moves."""

    def __init__(self, tmp_path: Path, reserve: Reserve | None) -> None:
        self.clock = FakeClock(SECOND)
        self.marks: list[tuple[str, dict[str, Any]]] = []
        self.live = Scene(period_ns=50_000_000, demo=DemoInfo(DEMO, "Story"))
        self.hub = Hub(self.live, Settings(), self.clock)
        self.fallback = Fallback(
            self.live,
            self.hub,
            Show(),
            self.clock,
            data=tmp_path,
            period_ns=50_000_000,
            record=self.record,
            find=lambda demo, data: reserve if demo == DEMO else None,
        )

    async def record(self, action: str, data: dict[str, Any]) -> None:
        self.marks.append((action, data))

    def tell(self, *documents: Document) -> None:
        for document in documents:
            self.live.add(document, self.clock.now_ns())

    def race(self) -> None:
        self.tell(start(), *descriptors(), Mark(kind=MarkKind.PHASE, t_ns=0, state="racing"))
        self.tell(*Teller().spend(0.1, 300.0))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    file = write(tmp_path / "recordings" / f"20260101-000000-{DEMO}-0001.jsonl")
    yield Stage(tmp_path, Reserve(file, "2026-01-01T00:00:00Z", True))


def test_trouble_is_named(stage: Stage) -> None:
    assert stage.fallback.trouble() == ""
    stage.race()
    assert stage.fallback.trouble() == ""
    stage.clock.advance(3)
    assert "no power has been measured" in stage.fallback.trouble()
    stage.race()
    stage.tell(Mark(kind=MarkKind.ARM, t_ns=SECOND, arm="B", state="failed", text="it exited with status 1"))
    assert stage.fallback.trouble() == "B has failed: it exited with status 1"
    stage.race()
    stage.tell(Mark(kind=MarkKind.WARNING, t_ns=SECOND, state="failing", text="the sampler died"))
    assert stage.fallback.trouble() == "the sampler died", "before the run has tidied up and told its stop"
    stage.live.end(-9)
    assert "SIGKILL" in stage.fallback.trouble()


def test_a_device_that_is_lost_and_tells_nothing_but_nulls_is_trouble(stage: Stage) -> None:
    stage.race()
    names = ("power_instant_watts", "power_average_watts", "energy_joules")
    for tenth in range(1, 40):
        stage.clock.advance(0.1)
        columns: Any = {name: [None] for name in names}
        stage.tell(Page(stream="gpu0", t_ns=[SECOND // 10 + tenth * SECOND // 10], data=columns))
        expected = "no power has been measured for more than 2 seconds" if tenth > 22 else ""
        assert tenth in range(18, 23) or stage.fallback.trouble() == expected


def test_no_trouble_where_nothing_is_expected(stage: Stage) -> None:
    stage.race()
    stage.tell(Mark(kind=MarkKind.PHASE, t_ns=SECOND, state="cooling"))
    stage.clock.advance(60)
    assert stage.fallback.trouble() == ""
    stage.tell(Stop(t_ns=2 * SECOND, exit_status="abort", reason="stopped by the presenter"))
    assert stage.fallback.trouble() == "", "the presenter has stopped it: that is no trouble"


async def test_without_a_recording_it_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, None)
    await stage.fallback._look()
    assert stage.fallback.payload()["available"] is False
    with pytest.raises(Unavailable, match="wattrace rehearse"):
        await stage.fallback.take_over()
    assert stage.hub.scene is stage.live


async def test_live_comes_back_by_hand_only_and_automatic_waits_for_the_next_trouble(stage: Stage) -> None:
    fallback = stage.fallback
    stage.race()
    fallback.automate(True)
    try:
        await fallback._look()
        assert fallback.player is not None and fallback.player.jumps == 1, "it stands ready before there is trouble"
        assert not fallback.on and stage.hub.scene is stage.live
        fallback.show.frozen = True
        stage.live.end(-9)
        await fallback._look()
        assert fallback.on and stage.hub.scene is fallback.player.scene
        assert not fallback.show.frozen, "no screen goes on holding the picture of what has died"
        [(action, data)] = stage.marks
        assert (action, data["to"]) == ("fallback", "replay") and "SIGKILL" in data["why"]
        payload = stage.hub.scene.payload(stage.clock.now_ns())
        assert payload["replay"] is True and payload["run"] == "20261121-093012-story-0000"

        stage.race()  # the race is well again, and stays off the screen
        await fallback._look()
        assert fallback.on and stage.hub.scene is not stage.live

        stage.live.end(-9)
        await fallback.go_live()
        await fallback._look()
        assert not fallback.on and stage.hub.scene is stage.live, "the same trouble does not take it away again"
        assert "SIGKILL" in fallback.payload()["why"]
        stage.race()
        await fallback._look()
        stage.live.end(-15)
        await fallback._look()
        assert fallback.on, "the next trouble does"
    finally:
        await fallback.close()
    assert fallback.player is None


async def test_a_recording_that_cannot_be_played_ends_automatic_and_says_so(tmp_path: Path) -> None:
    gone = Reserve(tmp_path / "gone.jsonl", "", True)
    stage = Stage(tmp_path, gone)
    stage.race()
    stage.live.end(-9)
    stage.fallback.automate(True)
    watching = asyncio.create_task(stage.fallback.watch())
    try:
        async with asyncio.timeout(30):
            while stage.fallback.automatic:
                await asyncio.sleep(0.02)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await stage.fallback.close()
    assert not stage.fallback.on and stage.hub.scene is stage.live
