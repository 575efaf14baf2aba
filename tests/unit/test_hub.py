"""The hub: seq, credit at work, hello, cap, eviction, absolute deadlines."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from story import descriptors, start
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from engine.clock import NS, FakeClock, MonotonicClock
from server.frames import BACKLOG_BYTES, HELLO_BYTES, Close, CloseCode, text_frame
from server.hub import Hub, Seen
from server.scene import Scene
from server.settings import Settings
from server.viewer import MOST_MESSAGES, Viewer

PERIOD_NS = 50_000_000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NS)


@pytest.fixture
def make(clock: FakeClock) -> Callable[..., Hub]:
    return lambda **settings: Hub(Scene(period_ns=PERIOD_NS), Settings(**settings), clock)


def joined(hub: Hub) -> Viewer:
    viewer = hub.join()
    assert isinstance(viewer, Viewer)
    return viewer


def read(viewer: Viewer) -> list[dict[str, Any]]:
    found = []
    while (message := viewer.take()) is not None:
        found.append(orjson.loads(message.text))
    return found


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


# -- the wire


class FakeWire:
    """A connection that takes `room` bytes before it says that it is full."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.room, self.written, self.taken = room, bytearray(), 0
        self.frames: list[bytes] = []

    answered = True

    def ping(self) -> None:
        self.answered = False

    @property
    def has_room(self) -> bool:
        return len(self.written) - self.taken < self.room

    def write(self, data: bytes) -> None:
        self.written += data
        self.frames.append(data)

    def hand_over(self, framed: bytes) -> int:
        self.write(framed)
        return len(framed)

    def messages(self) -> list[dict[str, Any]]:
        """What a WebSocket client reads from these bytes."""
        client = ClientProtocol(parse_uri("ws://h/"), state=State.OPEN)
        client.receive_data(bytes(self.written))
        events = client.events_received()
        return [orjson.loads(event.data) for event in events if isinstance(event, Frame)]


def wired(hub: Hub, wire: FakeWire) -> Viewer:
    viewer = hub.join(wire)
    assert isinstance(viewer, Viewer)
    return viewer


def test_over_the_wire_everyone_gets_the_very_same_bytes(make: Callable[..., Hub]) -> None:
    hub, wires = make(), [FakeWire(), FakeWire()]
    for wire in wires:
        wired(hub, wire)
    for _ in range(3):
        hub._publish()
    one, other = wires
    assert all(a is b for a, b in zip(one.frames, other.frames, strict=True))
    kinds = [message["type"] for message in one.messages()]
    assert kinds == ["hello", "frame", "frame", "frame"]
    assert [message["seq"] for message in one.messages()] == [1, 2, 3, 4]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_a_finished_frame_is_what_a_websocket_client_reads(size: int) -> None:
    client = ClientProtocol(parse_uri("ws://h/"), state=State.OPEN, max_size=None)
    client.receive_data(text_frame(b"x" * size))
    (event,) = client.events_received()
    assert isinstance(event, Frame) and event.data == b"x" * size and event.fin


def test_a_full_wire_gets_the_newest_when_it_has_room_again(make: Callable[..., Hub]) -> None:
    hub, wire = make(), FakeWire(room=1)
    viewer = wired(hub, wire)
    for _ in range(500):
        hub._publish()
    assert [message["type"] for message in wire.messages()] == ["hello"]
    assert viewer.credit.waiting_bytes <= BACKLOG_BYTES
    wire.room = 1 << 30
    viewer.pump()
    _, told, *frames = wire.messages()
    assert told["type"] == "missed" and frames[-1]["seq"] == hub.seq
    assert [frame["seq"] for frame in frames] == list(range(2 + told["frames"], hub.seq + 1))


def test_what_the_system_takes_is_progress_and_nothing_else_is(make: Callable[..., Hub], clock: FakeClock) -> None:
    hub, reads, stalls = make(), FakeWire(), FakeWire(room=1)
    reader, stalled = wired(hub, reads), wired(hub, stalls)
    for _ in range(12):
        clock.advance(1)
        hub._publish()
        reads.taken = len(reads.written)
        hub._evict(clock.now_ns())
    assert reader.closing is None
    assert stalled.closing == Close(CloseCode.TOO_SLOW) and stalled.over.is_set()


def test_who_never_acknowledges_must_answer_pings(make: Callable[..., Hub], clock: FakeClock) -> None:
    hub, reads, deaf = make(), FakeWire(), FakeWire()
    reader, other = wired(hub, reads), wired(hub, deaf)
    for _ in range(20):
        clock.advance(1)
        hub._publish()
        reads.answered = True
        hub._evict(clock.now_ns())
    assert reader.closing is None
    assert other.closing == Close(CloseCode.TOO_SLOW)


def test_while_the_server_stands_still_nobody_is_too_slow(make: Callable[..., Hub], clock: FakeClock) -> None:
    hub, wire = make(), FakeWire(room=1)
    viewer = wired(hub, wire)
    clock.advance(60)
    hub._evict(clock.now_ns(), stood_still_ns=58 * NS)
    assert viewer.closing is None
    clock.advance(11)
    hub._evict(clock.now_ns())
    assert viewer.closing == Close(CloseCode.TOO_SLOW)


def test_a_connection_that_fails_costs_the_others_nothing(
    make: Callable[..., Hub], caplog: pytest.LogCaptureFixture
) -> None:
    hub, wires = make(), [FakeWire(), FakeWire(), FakeWire()]
    viewers = [wired(hub, wire) for wire in wires]
    hub._publish()

    def failing(framed: bytes) -> int:
        raise RuntimeError("the handle is closed")

    wires[1].hand_over = lambda framed: 0  # type: ignore[method-assign]
    wires[1].write = failing  # type: ignore[assignment,method-assign]
    hub._flow.enter(viewers[1], wires[1].hand_over)
    hub._publish()
    hub._publish()
    assert viewers[1].over.is_set() and "a viewer's connection failed" in caplog.text
    for wire in (wires[0], wires[2]):
        assert [message["seq"] for message in wire.messages()] == [1, 2, 3, 4]


@pytest.mark.parametrize("most", [0, 1, 100, 1 << 30])
def test_what_the_system_does_not_take_at_once_comes_by_the_wire(make: Callable[..., Hub], most: int) -> None:
    hub, wire = make(), FakeWire()
    taken = 0

    def reluctant(framed: bytes) -> int:
        nonlocal taken
        if most == 0:
            raise BlockingIOError
        wire.write(framed[:most])
        taken += 1
        return len(framed[:most])

    wire.hand_over = reluctant  # type: ignore[method-assign]
    wired(hub, wire)
    for _ in range(5):
        hub._publish()
    assert [message["seq"] for message in wire.messages()] == [1, 2, 3, 4, 5, 6]
    assert taken == (4 if most else 0)


@pytest.mark.parametrize("every", [1, 3, 10, 12, 13, 40])
def test_by_the_flow_and_one_by_one_credit_is_the_same(make: Callable[..., Hub], every: int) -> None:
    """Over the wire viewers are mostly not looked at; what they get must be what a plain viewer gets."""
    hub, wire = make(), FakeWire()
    fast, plain = wired(hub, wire), joined(hub)
    fast.pump()
    seen: list[dict[str, Any]] = read(plain)
    for number in range(1, 200):
        hub._publish()
        seen += read(plain)
        if number % every == 0:
            fast.received(f'{{"ack":{wire.messages()[-1]["seq"]}}}', 0)
            plain.received(f'{{"ack":{seen[-1]["seq"]}}}', 0)
            seen += read(plain)
    assert wire.messages() == seen
    assert fast.credit.missed == plain.credit.missed and (every <= 12) == (fast.credit.missed == 0)


@pytest.mark.parametrize("repeats", [False, True])
def test_who_acknowledges_nothing_new_is_evicted(make: Callable[..., Hub], clock: FakeClock, repeats: bool) -> None:
    """However much it reads, and however often it says the same."""
    hub, wire = make(), FakeWire()
    viewer = wired(hub, wire)
    viewer.received('{"ack":1}', clock.now_ns())
    for _ in range(40):
        hub._publish()
        wire.taken = len(wire.written)
    for _ in range(12):
        clock.advance(1)
        if repeats:
            viewer.received('{"ack":1}', clock.now_ns())
        hub._evict(clock.now_ns())
    assert viewer.closing == Close(CloseCode.TOO_SLOW)


def test_a_flood_of_messages_ends_the_connection(make: Callable[..., Hub]) -> None:
    hub = make()
    viewer = wired(hub, FakeWire())
    for _ in range(MOST_MESSAGES):
        viewer.received('{"ack":1}', 0)
    assert viewer.closing is None
    viewer.received('{"ack":1}', 0)
    assert viewer.closing == Close(CloseCode.TOO_MANY)


def test_one_address_may_be_limited(make: Callable[..., Hub]) -> None:
    hub = make(viewers_per_address=2)
    first = hub.join(address="10.0.0.1")
    assert isinstance(first, Viewer) and isinstance(hub.join(address="10.0.0.1"), Viewer)
    assert hub.join(address="10.0.0.1") == Close(CloseCode.FULL)
    assert isinstance(hub.join(address="10.0.0.2"), Viewer)
    hub.leave(first)
    assert isinstance(hub.join(address="10.0.0.1"), Viewer)


# -- coming back


def racing(hub: Hub) -> Seen:
    """The hub with a run on stage, seen up to its newest frame."""
    hub.scene.add(start(), 2 * NS)
    hub._publish()
    hub._publish()
    return Seen(start().run, hub.seq)


@pytest.mark.parametrize("wire", [None, FakeWire()])
def test_who_comes_back_gets_exactly_what_it_missed(make: Callable[..., Hub], wire: FakeWire | None) -> None:
    hub = make()
    seen = racing(hub)
    for _ in range(100):
        hub._publish()
    viewer = hub.join(wire, seen=seen)
    assert isinstance(viewer, Viewer)
    if wire:
        viewer.pump()
    hub._publish()
    hello, *frames = wire.messages() if wire else read(viewer)
    assert hello["type"] == "hello" and hello["resumed"] is True and hello["seq"] == seen.since
    assert [frame["seq"] for frame in frames] == list(range(seen.since + 1, hub.seq + 1))
    assert viewer.credit.missed == 0 and hub.counters.resumed == 1
    viewer.received(f'{{"ack":{hub.seq}}}', 0)
    assert viewer.closing is None


@pytest.mark.parametrize(
    "seen", [Seen("another run", 3), Seen(start().run, 0), Seen(start().run, 10**12), Seen(start().run, 1)]
)
def test_who_cannot_go_on_is_shown_everything_afresh(make: Callable[..., Hub], seen: Seen) -> None:
    hub = make()
    racing(hub)
    viewer = hub.join(seen=seen)
    assert isinstance(viewer, Viewer)
    (hello,) = read(viewer)
    assert "resumed" not in hello and hello["frame"]["seq"] == hub.seq


def test_a_minute_is_kept_and_no_more(make: Callable[..., Hub]) -> None:
    hub = make()
    seen = racing(hub)
    for _ in range(60 * 20):
        hub._publish()
    late = hub.join(seen=seen)
    assert isinstance(late, Viewer) and "resumed" not in read(late)[0]


def test_who_does_not_catch_up_in_time_is_shown_everything_afresh(make: Callable[..., Hub]) -> None:
    """Else a viewer on a link that is a little too slow would go on showing the past, and call it live."""
    hub, wire = make(), FakeWire(room=1)
    seen = racing(hub)
    for _ in range(500):
        hub._publish()
    viewer = hub.join(wire, seen=seen)
    assert isinstance(viewer, Viewer)
    for _ in range(60):
        hub._publish()
    wire.room = 1 << 30
    viewer.pump()
    hub._publish()
    resumed, hello, *frames = wire.messages()
    assert resumed["resumed"] is True and hello["type"] == "hello" and "resumed" not in hello
    assert hello["seq"] > seen.since + 500 and frames[-1]["seq"] == hub.seq
    assert viewer.credit.missed >= 500


def test_a_new_run_while_catching_up_is_shown_afresh(make: Callable[..., Hub]) -> None:
    hub, wire = make(), FakeWire(room=1)
    seen = racing(hub)
    for _ in range(20):
        hub._publish()
    viewer = hub.join(wire, seen=seen)
    assert isinstance(viewer, Viewer)
    hub.scene.add(start().model_copy(update={"run": "20261121-100000-next-0000"}), 3 * NS)
    hub._publish()
    hub._publish()
    wire.room = 1 << 30
    viewer.pump()
    messages = wire.messages()
    assert [message["type"] for message in messages[:2]] == ["hello", "hello"]
    assert messages[1]["run"]["id"] == "20261121-100000-next-0000" and messages[-1]["seq"] == hub.seq


async def test_frames_that_take_longer_than_their_period_keep_nobody_from_running() -> None:
    scene = Scene(period_ns=PERIOD_NS)
    payload = scene.payload
    scene.payload = lambda now: (time.sleep(0.03), payload(now))[1]  # type: ignore[method-assign]
    hub, turns = Hub(scene, Settings(frame_rate=60), MonotonicClock()), 0
    async with hub.running():
        until = time.monotonic() + 20
        while hub.counters.frames < 20 and time.monotonic() < until:
            await asyncio.sleep(0)
            turns += 1
    assert hub.counters.frames >= 20 and turns >= 15
