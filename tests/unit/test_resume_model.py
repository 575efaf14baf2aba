"""Somebody who comes and goes, against a model: nothing is ever missed in silence, and what can be gone on with is."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from story import start

from engine.clock import NS, FakeClock
from server.backlog import KEPT_SECONDS, RESUME_BYTES, Backlog
from server.frames import Message
from server.hub import Hub, Seen
from server.scene import Scene
from server.settings import Settings
from server.viewer import Viewer

RATE = 0.5
KEPT = round(KEPT_SECONDS * RATE)


class Stage:
    """The hub, and all that it has published."""

    def __init__(self) -> None:
        self.clock = FakeClock(NS)
        self.hub = Hub(Scene(period_ns=2 * NS), Settings(frame_rate=RATE), self.clock)
        self.told: dict[int, bytes] = {self.hub.seq: self.hub.newest}
        self.last_hello = 0
        """The frame after which everybody was told afresh."""
        self.runs = 0
        self.race()

    def publish(self) -> None:
        edition = self.hub.scene.edition
        changed = edition != self.hub._edition
        self.hub._publish()
        self.told[self.hub.seq] = self.hub.newest
        self.last_hello = self.hub.seq if changed else self.last_hello

    def race(self) -> None:
        self.runs += 1
        self.hub.scene.add(start().model_copy(update={"run": f"run-{self.runs}"}), self.clock.now_ns())
        self.publish()

    def may_go_on(self, seen: Seen | None) -> bool:
        hub = self.hub
        if seen is None or seen.run != hub.run_id or seen.since not in range(hub.seq - KEPT + 1, hub.seq + 1):
            return False
        return seen.since > self.last_hello and (hub.seq - seen.since) * len(self.told[hub.seq]) <= RESUME_BYTES


class Person:
    """Reads, and keeps of what it has seen what a page would."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.viewer: Viewer | None = None
        self.seen: Seen | None = None
        self.since = self.frame = 0
        """The newest frame that a hello or a frame has brought, and that a frame has."""
        self.missed = 0

    def come(self) -> None:
        if self.viewer is not None:
            return
        may = self.stage.may_go_on(self.seen)
        viewer = self.stage.hub.join(seen=self.seen)
        assert isinstance(viewer, Viewer)
        self.viewer = viewer
        hello = viewer.take()
        assert hello is not None and not hello.is_frame
        content = orjson.loads(hello.payload)
        assert content.get("resumed", False) is may
        assert not may or (content["seq"], content["run"]["id"]) == (self.since, self.stage.hub.run_id)
        self.take_hello(content["seq"])

    def go(self) -> None:
        if self.viewer is not None:
            self.stage.hub.leave(self.viewer)
        self.viewer = None

    def take_hello(self, seq: int) -> None:
        assert seq >= self.since
        self.since, self.missed = seq, 0

    def read(self, most: int) -> None:
        for _ in range(most):
            message = self.viewer.take() if self.viewer is not None else None
            if message is None:
                return
            content = orjson.loads(message.payload)
            if content["type"] == "missed":
                self.missed += content["frames"]
            elif content["type"] == "hello":
                self.take_hello(content["seq"])
            else:
                # A hello stands for the frames before it, unless they are told: that was before it came.
                assert content["seq"] - self.missed - 1 in {self.since, self.frame}, "a frame is neither here nor told"
                assert message.payload == self.stage.told[content["seq"]]
                self.since = self.frame = content["seq"]
                self.missed = 0
                self.seen = Seen(content["run"], content["seq"])

    def acknowledge(self) -> None:
        if self.viewer is not None:
            self.viewer.received(f'{{"ack":{self.since}}}', self.stage.clock.now_ns())
            assert self.viewer.closing is None


STEPS = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 8) | st.sampled_from([KEPT - 1, KEPT, KEPT + 1])),
    st.tuples(st.just("read"), st.integers(1, 30)),
    st.tuples(st.sampled_from(["come", "go", "acknowledge", "race"]), st.just(0)),
    st.tuples(st.sampled_from(["come", "go"]), st.just(0)),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_who_comes_and_goes_misses_nothing_in_silence(steps: list[tuple[str, int]]) -> None:
    stage = Stage()
    person = Person(stage)
    for what, count in steps:
        match what:
            case "publish":
                for _ in range(count):
                    stage.publish()
            case "read":
                person.read(count)
            case "race":
                stage.race()
            case _:
                getattr(person, what)()
    person.come()
    for _ in range(10):  # by credit, twelve at a time
        person.read(2 * KEPT)
        person.acknowledge()
    assert person.since == stage.hub.seq, "in the end it is where everybody is"


@given(st.integers(1, 20), st.lists(st.tuples(st.integers(0, 2), st.integers(0, RESUME_BYTES)), max_size=40), st.data())
def test_the_backlog_is_the_newest_of_a_list(kept: int, frames: list[tuple[int, int]], data: st.DataObject) -> None:
    backlog, model, edition = Backlog(kept), list[tuple[Message, int]](), 0
    for seq, (later, size) in enumerate(frames, start=5):
        edition += later == 2
        model = [*model, (Message(seq, b"x" * size), edition)][-kept:]
        backlog.add(*model[-1])
    for seq in range(5 + len(frames) + 2):
        found = next((message for message, _ in model if message.seq == seq), None)
        assert backlog.get(seq) is found
        known = [at for message, at in model if message.seq == seq]
        cheap = bool(model) and (model[-1][0].seq - seq) * model[-1][0].size <= RESUME_BYTES
        assert backlog.resumable(seq, edition) is (known == [edition] and cheap)
