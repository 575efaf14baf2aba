"""What goes over the wire: the same bytes to all, credit at work, and who is too slow for it."""

from collections.abc import Callable
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri
from wires import FakeWire, joined, read, wired

from engine.clock import NS, FakeClock
from server.frames import BACKLOG_BYTES, Close, CloseCode, text_frame
from server.hub import Hub
from server.tally import MOST_MESSAGES
from server.viewer import Viewer


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

    wires[1].hand_over = lambda framed: 0
    wires[1].write = failing
    hub._flow.leave(viewers[1])
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

    wire.hand_over = reluctant
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
    viewer = joined(make())
    for second in (0, 1):
        for _ in range(MOST_MESSAGES):
            viewer.received('{"ack":1}', second * NS)
        assert viewer.closing is None
    viewer.received('{"ack":1}', NS)
    assert viewer.closing == Close(CloseCode.TOO_MANY)


def test_one_address_may_be_limited(make: Callable[..., Hub]) -> None:
    hub = make(viewers_per_address=2)
    first = hub.join(address="10.0.0.1")
    assert isinstance(first, Viewer) and isinstance(hub.join(address="10.0.0.1"), Viewer)
    assert hub.join(address="10.0.0.1") == Close(CloseCode.FULL)
    assert isinstance(hub.join(address="10.0.0.2"), Viewer)
    hub.leave(first)
    assert isinstance(hub.join(address="10.0.0.1"), Viewer)
