"""A crowd gets two frames at a time: half as many pieces, and not one frame less."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wires import PERIOD_NS, FakeWire, wired

from engine.clock import NS, FakeClock
from server.hub import Hub
from server.scene import Scene
from server.settings import Settings
from server.viewer import Viewer


def gathered(hub: Hub, size: int) -> list[tuple[Viewer, FakeWire]]:
    """So many viewers who keep up."""
    wires = [FakeWire() for _ in range(size)]
    crowd = [(wired(hub, wire), wire) for wire in wires]
    hub._publish()
    return crowd


def numbers(wire: FakeWire) -> list[int]:
    """The frames that came; a `hello` counts as the frame that it shows."""
    return [message["seq"] for message in wire.messages() if message["type"] != "missed"]


def unbroken(messages: Sequence[dict[str, Any]]) -> bool:
    """Whether every frame is the next one, or as many later as the viewer was told; a `hello` begins anew."""
    told, before = 0, messages[0]["seq"]
    for message in messages[1:]:
        if message["type"] == "missed":
            told += message["frames"]
            continue
        if message["type"] == "frame" and message["seq"] != before + 1 + told:
            return False
        told, before = 0, message["seq"]
    return True


def test_more_than_a_crowd_get_every_frame_in_half_as_many_pieces(make: Callable[..., Hub]) -> None:
    hub = make(crowd=3)
    crowd = gathered(hub, 4)
    before = [len(wire.frames) for _, wire in crowd]
    for _ in range(100):
        hub._publish()
    for (_, wire), pieces in zip(crowd, before, strict=True):
        assert len(wire.frames) - pieces == 50
        assert numbers(wire)[-1] in (hub.seq, hub.seq - 1) and unbroken(wire.messages())
    newest = [numbers(wire)[-1] for _, wire in crowd]
    assert newest.count(hub.seq) == 2, "half of them have the newest, by turns with the other half"
    hub._publish()
    assert [numbers(wire)[-1] for _, wire in crowd] != newest


def test_no_crowd_and_who_is_prompt_get_each_frame_by_itself(make: Callable[..., Hub]) -> None:
    hub, stage = make(crowd=3), FakeWire()
    prompt = hub.join(stage, prompt=True)
    assert isinstance(prompt, Viewer)
    crowd = gathered(hub, 2)
    for _ in range(10):
        hub._publish()
    assert len({bytes(wire.frames[-1]) for wire in (stage, *(wire for _, wire in crowd))}) == 1
    crowd += gathered(hub, 4)
    for _ in range(10):
        hub._publish()
        assert numbers(stage)[-1] == hub.seq
    for viewer, _ in crowd[1:]:
        viewer.end()
        hub.leave(viewer)
    hub._publish()
    hub._publish()
    assert numbers(crowd[0][1]) == list(range(1, hub.seq + 1)), "what it was owed when the others left came, too"


def test_a_hello_comes_to_all_at_once_behind_what_they_are_owed(make: Callable[..., Hub]) -> None:
    hub = make(crowd=1)
    crowd = gathered(hub, 5)
    for extra in range(3):
        for _ in range(extra):
            hub._publish()
        hub.put_on(Scene(period_ns=PERIOD_NS))
        hub._publish()
        assert all(wire.messages()[-1]["type"] == "hello" for _, wire in crowd)
        assert all(wire.messages()[-2]["seq"] == hub.seq for _, wire in crowd)


@pytest.mark.parametrize("every", [1, 2, 3, 9, 10, 11, 12])
def test_the_same_acks_do_in_a_crowd(make: Callable[..., Hub], every: int) -> None:
    hub = make(crowd=0)
    crowd = gathered(hub, 3)
    for number in range(1, 200):
        hub._publish()
        for viewer, wire in crowd:
            if number % every == 0:
                viewer.received(f'{{"ack":{numbers(wire)[-1]}}}', 0)
    assert [viewer.credit.missed for viewer, _ in crowd] == [0, 0, 0]


def test_who_acknowledges_no_more_gets_no_more_in_a_crowd_either(make: Callable[..., Hub]) -> None:
    hub = make(crowd=0)
    (viewer, wire), *_ = crowd = gathered(hub, 2)
    viewer.received(f'{{"ack":{numbers(wire)[-1]}}}', 0)
    first = numbers(wire)[-1]
    for _ in range(40):
        hub._publish()
    assert first + 12 <= numbers(wire)[-1] <= first + 13, "the credit, and the second of two"
    assert numbers(crowd[1][1])[-1] >= hub.seq - 1
    viewer.received(f'{{"ack":{numbers(wire)[-1]}}}', 0)
    hub._publish()
    assert viewer.credit.missed and numbers(wire)[-1] >= hub.seq - 1 and unbroken(wire.messages())


ACTS = st.sampled_from(["publish", "publish", "ack", "fill", "room", "join", "leave", "hello"])


@given(acts=st.lists(st.tuples(ACTS, st.integers(0, 5)), max_size=120))
def test_whatever_happens_nobody_misses_a_frame_untold(acts: list[tuple[str, int]]) -> None:
    """Also when viewers fall behind, come, go or stop the turn in the middle of two frames."""
    hub = Hub(Scene(period_ns=PERIOD_NS), Settings(crowd=2), FakeClock(NS))
    crowd = gathered(hub, 4)
    for act, number in acts:
        viewer, wire = crowd[number % len(crowd)]
        if act == "publish":
            hub._publish()
        elif act == "ack":
            viewer.received(f'{{"ack":{numbers(wire)[-1]}}}', 0)
        elif act == "fill":
            wire.taken, wire.room = 0, 1
            viewer.full()
        elif act == "room":
            wire.room = 1 << 30
            viewer.pump()
        elif act == "join":
            crowd += gathered(hub, 1)
        elif act == "leave" and len(crowd) > 1:
            crowd.remove((viewer, wire))
            viewer.end()
            hub.leave(viewer)
        elif act == "hello":
            hub.put_on(Scene(period_ns=PERIOD_NS))
            hub._publish()
        assert all(unbroken(other.messages()) for _, other in crowd)
        assert all(viewer.closing is None for viewer, _ in crowd)
    for viewer, wire in crowd:
        wire.room = 1 << 30
        for _ in range(2):  # what waited may take all the credit again
            viewer.received(f'{{"ack":{numbers(wire)[-1]}}}', 0)
            viewer.pump()
    hub._publish()
    hub._publish()
    assert all(numbers(wire)[-1] >= hub.seq - 1 for _, wire in crowd)
