import os
import threading
import time
from collections.abc import Iterator

import pytest
from test_sampler_loop import FakeSource

from engine.clock import NS, FakeClock, MonotonicClock
from engine.documents import Mark, MarkKind, Page, decode
from engine.errors import DeviceError
from engine.sampler.openings import Opening
from engine.sampler.outlet import Outlet
from engine.sampler.reader import Reader
from engine.sampler.supervisor import Cost, Hangs, Supervisor
from engine.sources import Candidate


class Rig:
    """A supervisor between two pipes: `say` what its parent would, and read what it has written."""

    def __init__(self) -> None:
        self.commands, self._said = os.pipe()
        self._read, written = os.pipe()
        self.clock = MonotonicClock()
        self.outlet = Outlet(written)
        self.outlet.prepare()
        os.set_blocking(self._read, False)

    def source(self) -> FakeSource:
        return FakeSource(FakeClock(), call_seconds=0)

    def supervise(self, *sources: FakeSource) -> Supervisor:
        readers = [Reader(source, self.clock, self.outlet.send) for source in sources]
        return Supervisor(readers, self.clock, self.outlet, self.commands)

    def say(self, line: bytes) -> None:
        os.write(self._said, line)

    def hang_up(self) -> None:
        os.close(self._said)

    def documents(self) -> list[object]:
        self.outlet.drain(0.1)
        received = b""
        while chunk := self._receive():
            received += chunk
        return [decode(line) for line in received.splitlines()]

    def _receive(self) -> bytes:
        try:
            return os.read(self._read, 1 << 20)
        except BlockingIOError:
            return b""


@pytest.fixture
def rig() -> Iterator[Rig]:
    yield Rig()


def test_it_ends_when_its_parent_hangs_up_and_all_pages_are_written(rig: Rig):
    supervisor = rig.supervise(rig.source(), rig.source())
    rig.hang_up()
    assert supervisor.run()
    assert not [each for each in threading.enumerate() if each.daemon and each.name.endswith("(_read)")]


@pytest.mark.parametrize(
    "line", [b"rubbish\n", b"[]\n", b'{"rate": "fast"}\n', b'{"rate": 5}\n', b'{"rate": true}\n', b"{}\n"]
)
def test_a_command_that_makes_no_sense_is_said_to_make_none(rig: Rig, line: bytes):
    supervisor = rig.supervise(rig.source())
    rig.say(line)
    rig.hang_up()
    assert supervisor.run()
    [mark] = [each for each in rig.documents() if isinstance(each, Mark)]
    assert mark.kind == MarkKind.WARNING
    assert "does not understand" in str(mark.text)


def test_a_command_may_come_in_two_pieces(rig: Rig):
    supervisor = rig.supervise(rig.source())
    rig.say(b'{"ra')
    assert not supervisor._listen(0)
    rig.say(b'te": 20}\n')
    assert not supervisor._listen(0)
    assert supervisor.readers[0].pace.asked_hz == 20


def test_what_a_reader_raises_is_raised(rig: Rig):
    class Broken(FakeSource):
        def read_fast(self):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rig.supervise(Broken(FakeClock())).run()


def test_a_reader_that_is_stuck_is_left_behind_and_told(rig: Rig):
    free = threading.Event()

    class Stuck(FakeSource):
        def read_fast(self):
            rig.hang_up()
            free.wait()
            return (1.0, 1.0)

    assert not rig.supervise(Stuck(FakeClock())).run()
    marks = [each for each in rig.documents() if isinstance(each, Mark)]
    free.set()
    assert [mark.kind for mark in marks] == [MarkKind.GAP]
    assert "had not returned" in str(marks[0].text)


def test_a_hanging_call_is_told_once_and_the_next_one_too():
    clock = FakeClock()
    reader = Reader(FakeSource(clock), clock, print)
    hangs = Hangs()
    told = []
    for begun, until in ((1, 4), (10, 12)):
        reader.calling_since_ns = begun * NS
        told += [hangs.marks([reader], tenth * NS // 10) for tenth in range(begun * 10, until * 10)]
        reader.calling_since_ns = None
    assert [mark.t_ns / NS for marks in told for mark in marks] == [2.0, 11.0]


def test_it_looks_again_when_a_call_will_have_taken_a_second_and_no_sooner():
    clock = FakeClock()
    readers = [Reader(FakeSource(clock, index), clock, print) for index in range(2)]
    hangs = Hangs()
    assert hangs.due_ns(readers, 5 * NS) == 6 * NS, "a call may begin right now"
    readers[1].calling_since_ns = 4 * NS + 7
    assert hangs.due_ns(readers, 5 * NS) == 5 * NS + 7
    assert hangs.marks(readers, 5 * NS + 7)
    assert hangs.due_ns(readers, 5 * NS + 8) == 6 * NS + 8, "it has been told"


def test_the_cost_is_a_row_a_second_and_one_for_what_is_left():
    clock, spent = FakeClock(), iter(range(0, NS, NS // 50))
    cost = Cost(clock, lambda: next(spent))
    for _ in range(25):
        clock.advance(0.1)
        cost.check()
    cost.check(after_ns=NS // 10)
    page = cost.table.take()
    assert isinstance(page, Page)
    assert len(page.t_ns) == 3
    assert page.data["sampler_cpu_percent"][:2] == [20.0, 20.0]


def test_a_device_that_answers_late_joins_and_one_that_refuses_stays_out(rig: Rig):
    free = threading.Event()

    def slowly(index: int, error: DeviceError | None = None) -> Opening:
        def opened() -> FakeSource:
            free.wait()
            if error is not None:
                raise error
            return FakeSource(FakeClock(), index, call_seconds=0)

        return Opening(
            Candidate("simulated", index, opened), rig.clock, rig.outlet.send, own_stream=f"sampler.gpu{index}"
        )

    first = Reader(rig.source(), rig.clock, rig.outlet.send)
    late = [slowly(1), slowly(2, DeviceError("GPU 2 is broken"))]
    assert [opening.facts(None)["answers"] for opening in late] == [False, False]
    supervisor = Supervisor([first], rig.clock, rig.outlet, rig.commands, late=late)
    running = threading.Thread(target=supervisor.run)
    running.start()
    free.set()
    documents: list[object] = []
    until = time.monotonic() + 20
    while time.monotonic() < until and not any(
        isinstance(each, Page) and each.stream == "gpu1" for each in documents[3:]
    ):
        documents += rig.documents()
    rig.hang_up()
    running.join(20)
    documents += rig.documents()
    named = [type(each).__name__ for each in documents if getattr(each, "stream", "") == "gpu1"]
    assert named[:3] == ["Descriptor", "Page", "Page"]
    gaps = [each for each in documents if isinstance(each, Mark) and each.kind == MarkKind.GAP]
    assert [gap.data["stream"] for gap in gaps] == ["gpu1"]
    [warning] = [each for each in documents if isinstance(each, Mark) and each.kind == MarkKind.WARNING]
    assert "gpu2 is left out until it answers: GPU 2 is broken" in str(warning.text)


def test_a_device_that_never_opens_does_not_prevent_the_end(rig: Rig):
    free = threading.Event()
    hanging = Opening(Candidate("simulated", 1, lambda: free.wait() and rig.source()), rig.clock, rig.outlet.send)
    supervisor = Supervisor(
        [Reader(rig.source(), rig.clock, rig.outlet.send)], rig.clock, rig.outlet, rig.commands, late=[hanging]
    )
    rig.hang_up()
    assert not supervisor.run()
    [gap] = [each for each in rig.documents() if isinstance(each, Mark)]
    free.set()
    assert (gap.kind, gap.data["stream"]) == (MarkKind.GAP, "gpu1")
    assert "had not returned" in str(gap.text)
