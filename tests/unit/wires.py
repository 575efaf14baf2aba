"""A hub's viewers for the tests: what they read, and connections that take no more than they are told to."""

from typing import Any

import orjson
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from server.hub import Hub
from server.viewer import Viewer

PERIOD_NS = 50_000_000


def joined(hub: Hub) -> Viewer:
    viewer = hub.join()
    assert isinstance(viewer, Viewer)
    return viewer


def read(viewer: Viewer) -> list[dict[str, Any]]:
    found = []
    while (message := viewer.take()) is not None:
        found.append(orjson.loads(message.payload))
    return found


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
