"""Who comes back to the hub gets what it missed, or everything afresh."""

from collections.abc import Callable

import pytest
from story import start
from wires import FakeWire, read

from engine.clock import NS
from server.hub import Hub, Seen
from server.viewer import Viewer


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
