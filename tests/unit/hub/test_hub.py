"""The hub: seq, hello, cap, eviction, absolute deadlines."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from story import descriptors, start
from wires import PERIOD_NS, joined, read

from engine.clock import NS, FakeClock, MonotonicClock
from server.frames import HELLO_BYTES, Close, CloseCode
from server.hub import Hub
from server.scene import Scene
from server.settings import Settings
from server.viewer import Viewer


def test_a_viewer_gets_hello_then_every_frame(make: Callable[..., Hub], clock: FakeClock) -> None:
    hub = make()
    viewer = joined(hub)
    for _ in range(30):
        clock.advance(0.05)
        hub._publish()
    first, *frames = read(viewer)
    assert first["type"] == "hello" and first["protocol"] == 1 and first["run"] is None
    assert first["frame"]["seq"] == first["seq"]
    assert [frame["seq"] for frame in frames] == list(range(first["seq"] + 1, first["seq"] + 31))
    assert frames[-1]["t_ns"] == clock.now_ns()
    assert hub.stats()["frames"] == 31


def test_everyone_gets_the_same_bytes(make: Callable[..., Hub]) -> None:
    hub = make()
    one, other = joined(hub), joined(hub)
    hub._publish()
    assert [one.take(), one.take()] == [other.take(), other.take()]


def test_a_new_run_brings_a_new_hello_after_its_first_frame(make: Callable[..., Hub]) -> None:
    hub = make()
    viewer = joined(hub)
    read(viewer)
    hub.scene.add(start(), 2 * NS)
    hub._publish()
    for descriptor in descriptors():
        hub.scene.add(descriptor, 2 * NS)
    hub._publish()
    hub._publish()
    messages = read(viewer)
    assert [message["type"] for message in messages] == ["frame", "hello", "frame", "hello", "frame"]
    assert messages[1]["seq"] == messages[0]["seq"] == messages[1]["frame"]["seq"]
    assert messages[3]["run"]["id"] == start().run and messages[3]["run"]["power_source"] == "simulated"


def test_drops_are_counted_for_those_who_left_too(make: Callable[..., Hub]) -> None:
    hub = make(credit=4)
    stays, goes = joined(hub), joined(hub)
    for viewer in (stays, goes):
        read(viewer)
        viewer.received(f'{{"ack":{hub.seq}}}', 0)
    for _ in range(10):
        hub._publish()
        read(stays)
        read(goes)
    hub.leave(goes)
    assert stays.credit.missed == 5
    assert hub.stats()["dropped"] == 10
    assert hub.viewers == 1


def test_the_cap_holds(make: Callable[..., Hub]) -> None:
    hub = make(viewers=2)
    viewer = joined(hub)
    joined(hub)
    assert hub.join() == Close(CloseCode.FULL)
    hub.leave(viewer)
    joined(hub)
    assert hub.counters.refused == 1


def test_who_makes_no_progress_is_evicted(make: Callable[..., Hub], clock: FakeClock) -> None:
    hub = make()
    stalled, healthy = joined(hub), joined(hub)
    clock.advance(9)
    healthy.progress_ns = clock.now_ns()
    hub._evict(clock.now_ns())
    assert stalled.closing is None
    clock.advance(1.1)
    hub._evict(clock.now_ns())
    hub._evict(clock.now_ns())
    assert stalled.closing == Close(CloseCode.TOO_SLOW)
    assert healthy.closing is None
    assert hub.counters.evicted == 1


async def test_a_short_delay_is_made_up_for_and_a_long_one_is_not(make: Callable[..., Hub], clock: FakeClock) -> None:
    hub = make()
    async with hub.running():
        while hub.seq < 5:
            await asyncio.sleep(0)
        begun, before = clock.now_ns(), hub.seq
        clock.advance(0.2)
        while clock.now_ns() < begun + NS:
            await asyncio.sleep(0)
        assert hub.seq - before == pytest.approx(20, abs=1)
        begun, before = clock.now_ns(), hub.seq
        clock.advance(10)
        while clock.now_ns() < begun + 11 * NS:
            await asyncio.sleep(0)
        assert hub.seq - before == pytest.approx(25, abs=2)


async def test_a_tick_that_fails_does_not_end_the_stream(
    make: Callable[..., Hub], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make()
    working = hub.scene.payload

    def failing(now_ns: int) -> dict[str, Any]:
        if hub.counters.ticks_failed < 3:
            raise ZeroDivisionError
        return working(now_ns)

    monkeypatch.setattr(hub.scene, "payload", failing)
    viewer = joined(hub)
    async with hub.running():
        while hub.seq < 5:
            await asyncio.sleep(0)
    assert [message["seq"] for message in read(viewer)[1:]][:4] == [2, 3, 4, 5]
    assert hub.stats()["ticks_failed"] == 3
    assert caplog.text.count("a frame could not be made") == 1


async def test_a_viewer_that_cannot_be_looked_at_does_not_end_the_stream(
    make: Callable[..., Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make()
    joined(hub)
    monkeypatch.setattr(Viewer, "swept", lambda viewer, now_ns: 1 / 0)
    async with hub.running():
        while hub.stats()["ticks_failed"] < 2:
            await asyncio.sleep(0)
        before = hub.seq
        while hub.seq < before + 5:
            await asyncio.sleep(0)


async def test_closing_waits_for_viewers_to_leave(make: Callable[..., Hub]) -> None:
    hub = make()
    viewer = joined(hub)
    closing = asyncio.create_task(hub.close(5))
    await asyncio.sleep(0)
    assert viewer.closing == Close(CloseCode.GOING_AWAY)
    assert hub.join() == Close(CloseCode.GOING_AWAY)
    hub.leave(viewer)
    await closing


def test_hello_stays_small_whatever_the_run_is(make: Callable[..., Hub], clock: FakeClock) -> None:
    hub = make()
    long = start().model_copy(update={"demo": {"name": "n", "title": "t" * 200, "learn": "🦊" * 5000, "schedule": {}}})
    hub.scene.add(long, clock.now_ns())
    for number in range(8):
        for part in descriptors():
            reasons = {f"metric_{k}": "the driver says no, and at length" for k in range(20)}
            stream = f"{part.stream}.{number}"
            hub.scene.add(part.model_copy(update={"stream": stream, "unsupported": reasons}), clock.now_ns())
    hub._publish()
    assert len(hub._made_greeting()) < HELLO_BYTES


async def test_frames_that_take_longer_than_their_period_keep_nobody_from_running() -> None:
    scene = Scene(period_ns=PERIOD_NS)
    payload = scene.payload
    scene.payload = lambda now: (time.sleep(0.03), payload(now))[1]
    hub, turns = Hub(scene, Settings(frame_rate=60), MonotonicClock()), 0
    async with hub.running():
        until = time.monotonic() + 20
        while hub.counters.frames < 20 and time.monotonic() < until:
            await asyncio.sleep(0)
            turns += 1
    assert hub.counters.frames >= 20 and turns >= 15
