from itertools import pairwise

import pytest

from engine.clock import NS, FakeClock
from engine.documents import Descriptor, Mark, MarkKind, Page
from engine.sampler.deadlines import Deadlines
from engine.sampler.reader import Reader
from engine.sources import SlowCall


class FakeSource:
    """A device whose calls take time on the fake clock, and stall or fail when told to."""

    kind = "simulated"
    device_id, device_name = "FAKE-0", "Fake"
    fast_columns = ("power_instant_watts", "energy_joules")

    def __init__(self, clock: FakeClock, index: int = 0, *, call_seconds: float = 0.0002) -> None:
        self.clock, self.index, self.call_seconds = clock, index, call_seconds
        self.unsupported = dict.fromkeys(["power_average_watts", "memory_temperature_celsius"], "Not Supported")
        self.windows_ns = {"power_instant_watts": 25_000_000}
        self.notes: tuple[str, ...] = ()
        self.process_call = None
        self.failure: str | None = None
        self.reads = 0
        self.stalls: dict[int, float] = {}
        self.slow_at: list[int] = []
        self.slow_seconds = 0.002
        self.slow_calls = (
            SlowCall(("temperature_celsius",), lambda: self._slow(1)),
            SlowCall(("utilization_percent", "memory_utilization_percent"), lambda: self._slow(2)),
        )

    def read_fast(self):
        self.reads += 1
        self.clock.advance(self.call_seconds + self.stalls.get(self.reads, 0))
        return None if self.failure else 100.0, None if self.failure else float(self.reads)

    def readings(self, answer):
        return answer

    def _slow(self, width: int):
        self.slow_at.append(self.reads)
        self.clock.advance(self.slow_seconds)
        return [40] * width

    def provenance(self):
        return {}

    def close(self):
        pass


def run(clock: FakeClock, source: FakeSource, *, seconds: float = 1.0, rate_hz: int = 100, walk: bool = False):
    documents: list[Descriptor | Page | Mark] = []
    reader = Reader(source, clock, documents.append, rate_hz=rate_hz, walk=walk)
    until = clock.now_ns() + round(seconds * NS)
    reader.run(lambda: clock.now_ns() >= until)
    return documents


def marks(documents) -> list[Mark]:
    return [each for each in documents if isinstance(each, Mark)]


def rows(documents, stream: str) -> list[tuple]:
    pages = [each for each in documents if isinstance(each, Page) and each.stream == stream]
    return [row for page in pages for row in zip(page.t_ns, *page.data.values(), strict=True)]


def test_samples_are_taken_on_an_absolute_grid_however_long_a_call_takes():
    clock = FakeClock(7)
    stamps = [row[0] for row in rows(run(clock, FakeSource(clock, call_seconds=0.002)), "gpu0")]
    assert len(stamps) == 100
    # Each is the middle of a call of 2 ms that began on the grid of 10 ms.
    assert [(stamp - 7 - 1_000_000) % 10_000_000 for stamp in stamps] == [0] * 100


def test_a_stall_leaves_a_hole_and_no_burst():
    clock = FakeClock()
    source = FakeSource(clock)
    source.stalls[50] = 0.2004
    documents = run(clock, source)
    stamps = [row[0] for row in rows(documents, "gpu0")]
    steps = [later - earlier for earlier, later in pairwise(stamps)]
    # The stalled call is stamped with its middle; 19 deadlines passed meanwhile, and the newest was kept.
    assert [step for step in steps if step != 10_000_000] == [110_200_000, 100_400_000, 9_400_000]
    lateness = [row[1] for row in rows(documents, "sampler")]
    assert [late for late in lateness if late] == [600.0]


def test_walking_samples_are_begun_on_their_planned_deadlines():
    clock = FakeClock(7)
    documents = run(clock, FakeSource(clock), walk=True)
    plan = Deadlines(7 + NS // 100, 100)
    assert [row[0] - 100_000 for row in rows(documents, "gpu0")] == [plan.at(k) for k in range(100)]
    assert {row[1] for row in rows(documents, "sampler")} == {0.0}


def test_the_sampler_reports_its_lateness_and_its_calls():
    clock = FakeClock()
    own = rows(run(clock, FakeSource(clock)), "sampler")
    assert [row[1] for row in own] == [0.0] * 100
    assert [row[2] for row in own] == pytest.approx([200.0] * 100)


def test_pages_come_every_50_ms_and_hold_five_rows():
    clock = FakeClock()
    documents = run(clock, FakeSource(clock))
    pages = [each for each in documents if isinstance(each, Page) and each.stream == "gpu0"]
    assert [len(page.t_ns) for page in pages] == [5] * 20


def test_at_10_hz_every_sample_is_a_page():
    clock = FakeClock()
    pages = [each for each in run(clock, FakeSource(clock), rate_hz=10) if isinstance(each, Page)]
    assert [len(page.t_ns) for page in pages if page.stream == "gpu0"] == [1] * 10


@pytest.mark.parametrize(("seconds", "ticks"), [(0.002, 10), (0.0002, 5)])
def test_the_slow_lane_runs_at_5_hz_and_makes_one_call_a_tick_unless_they_cost_next_to_nothing(
    seconds: float, ticks: int
):
    clock = FakeClock()
    source = FakeSource(clock)
    source.slow_seconds = seconds
    assert [row[1:] for row in rows(run(clock, source), "gpu0.slow")] == [(40, 40, 40)] * 5
    assert len(source.slow_at) == 10 and len(set(source.slow_at)) == ticks


def test_a_change_of_rate_within_a_slow_round_mixes_no_columns_up():
    clock, documents = FakeClock(), list[Descriptor | Page | Mark]()
    source = FakeSource(clock)
    names = [f"column{n}" for n in range(7)]
    source.slow_calls = tuple(SlowCall((name,), lambda name=name: (source._slow(1), [name])[1]) for name in names)
    reader = Reader(source, clock, documents.append, walk=False)
    rates = iter([50, 100, 20, 100, 25] * 10)

    def ended() -> bool:
        reader.ask(next(rates, 100))
        return clock.now_ns() > 4 * NS

    reader.run(ended)
    found = rows(documents, "gpu0.slow")
    assert len(found) > 5 and {row[1:] for row in found} == {tuple(names)}


def test_more_slow_calls_than_ticks_make_the_slow_lane_slower():
    clock = FakeClock()
    source = FakeSource(clock)
    source.slow_calls = tuple(SlowCall((f"column{n}",), lambda: source._slow(1)) for n in range(10))
    lane = Reader(source, clock, print, rate_hz=10)
    assert lane._slow_turns() == 10
    assert len(rows(run(clock, source, rate_hz=10, seconds=2), "gpu0.slow")) == 2


def test_descriptors_tell_columns_windows_and_what_is_refused():
    clock = FakeClock(5)
    described = {each.stream: each for each in Reader(FakeSource(clock), clock, print).describe()}
    assert list(described) == ["gpu0", "gpu0.slow", "sampler"]
    fast = described["gpu0"]
    assert list(fast.columns) == ["power_instant_watts", "energy_joules"]
    assert fast.columns["power_instant_watts"].window_ns == 25_000_000
    assert fast.columns["energy_joules"].kind == "counter"
    assert fast.unsupported == {"power_average_watts": "Not Supported"}
    assert (fast.device, fast.device_name, fast.source) == ("FAKE-0", "Fake", "simulated")
    assert described["gpu0.slow"].unsupported == {"memory_temperature_celsius": "Not Supported"}
    assert described["sampler"].source == "sampler"


def test_a_device_that_falls_silent_is_told_once_and_so_is_its_return():
    clock = FakeClock()
    source = FakeSource(clock)
    documents: list[Descriptor | Page | Mark] = []
    reader = Reader(source, clock, documents.append)

    def ended() -> bool:
        source.failure = "GPU is lost" if NS <= clock.now_ns() < 3 * NS else None
        return clock.now_ns() >= 6 * NS

    reader.run(ended)
    told = marks(documents)
    assert [mark.kind for mark in told] == [MarkKind.WARNING, MarkKind.NOTE]
    assert "GPU is lost" in str(told[0].text)
    assert (told[0].data["stream"], told[0].data["device"]) == ("gpu0", "FAKE-0")
    missing = [row[0] for row in rows(documents, "gpu0") if row[1] is None]
    assert len(missing) == pytest.approx(200, abs=5)
    assert len(rows(documents, "gpu0")) == pytest.approx(600, abs=4)


def test_a_call_of_more_than_a_second_is_a_gap_and_no_reading():
    clock = FakeClock()
    source = FakeSource(clock)
    source.stalls[50] = 2.5
    documents = run(clock, source, seconds=4)
    [gap] = marks(documents)
    assert (gap.kind, gap.data["stream"]) == (MarkKind.GAP, "gpu0")
    assert gap.end_t_ns - gap.t_ns == pytest.approx(2.5 * NS, rel=0.01)
    assert [row[0] for row in rows(documents, "gpu0") if row[1] is None] == [gap.end_t_ns]
    assert not [row for row in rows(documents, "gpu0") if gap.t_ns < row[0] < gap.end_t_ns]


def test_slow_calls_lower_the_rate_and_quick_ones_raise_it_again():
    clock = FakeClock()
    source = FakeSource(clock, call_seconds=0.0006)
    documents: list[Descriptor | Page | Mark] = []
    reader = Reader(source, clock, documents.append, rate_hz=1000)

    def ended() -> bool:
        if clock.now_ns() > 5 * NS:
            source.call_seconds = 0.0001
        return clock.now_ns() >= 20 * NS

    reader.run(ended)
    told = marks(documents)
    assert [(mark.kind, mark.data["rate_hz"]) for mark in told] == [(MarkKind.WARNING, 500), (MarkKind.NOTE, 1000)]
    assert told[0].data["asked_hz"] == 1000
    assert told[0].t_ns < 1.1 * NS
    assert told[1].t_ns > 15 * NS


def test_a_device_without_power_is_read_for_its_slow_lane_only():
    clock = FakeClock()
    source = FakeSource(clock)
    source.fast_columns, source.notes = (), ("no power here",)
    documents = run(clock, source, rate_hz=1000)
    assert marks(documents)[0].text == "no power here"
    assert marks(documents)[1].data["rate_hz"] == 10
    assert not rows(documents, "gpu0")
    assert rows(documents, "gpu0.slow")


def test_another_rate_is_taken_up_with_the_next_page():
    clock = FakeClock()
    documents: list[Descriptor | Page | Mark] = []
    reader = Reader(FakeSource(clock), clock, documents.append)

    def ended() -> bool:
        if clock.now_ns() > NS:
            reader.ask(20)
        return clock.now_ns() >= 3 * NS

    reader.run(ended)
    assert [(mark.kind, mark.data["rate_hz"]) for mark in marks(documents)] == [(MarkKind.NOTE, 20)]
    stamps = [row[0] for row in rows(documents, "gpu0")]
    assert len([stamp for stamp in stamps if stamp > 1.2 * NS]) == pytest.approx(36, abs=3)
    assert stamps == sorted(stamps)


def test_the_samplers_own_stream_has_fewer_pages_and_every_row():
    clock = FakeClock()
    documents = run(clock, FakeSource(clock))
    pages = [each for each in documents if isinstance(each, Page) and each.stream == "sampler"]
    assert [len(page.t_ns) for page in pages] == [20] * 5
    # Begun on the grid, and stamped so; the samples themselves are stamped with the middle of their calls.
    begun = [row[0] for row in rows(documents, "sampler")]
    assert [row[0] - 100_000 for row in rows(documents, "gpu0")] == begun
