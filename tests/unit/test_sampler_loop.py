from itertools import pairwise

import pytest

from engine.clock import NS, FakeClock
from engine.documents import Descriptor, Mark, MarkKind, Page
from engine.sampler import SamplingLoop, next_deadline
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
        self.failure: str | None = None
        self.reads = 0
        self.stalls: dict[int, float] = {}
        self.slow_at: list[int] = []
        self.slow_calls = (
            SlowCall(("temperature_celsius",), lambda: self._slow(1)),
            SlowCall(("utilization_percent", "memory_utilization_percent"), lambda: self._slow(2)),
        )

    def read_fast(self):
        self.reads += 1
        self.clock.advance(self.call_seconds + self.stalls.get(self.reads, 0))
        return (None if self.failure else 100.0, None if self.failure else float(self.reads))

    def _slow(self, width: int):
        self.slow_at.append(self.reads)
        return [40] * width

    def provenance(self):
        return {}

    def close(self):
        pass


def run(clock: FakeClock, *sources: FakeSource, seconds: float = 1.0, rate_hz: int = 100):
    documents: list[Descriptor | Page | Mark] = []
    loop = SamplingLoop(sources, clock, documents.append, rate_hz=rate_hz)
    until = clock.now_ns() + round(seconds * NS)
    loop.run(lambda: clock.now_ns() >= until)
    return documents


def rows(documents, stream: str) -> list[tuple]:
    pages = [each for each in documents if isinstance(each, Page) and each.stream == stream]
    return [row for page in pages for row in zip(page.t_ns, *page.data.values(), strict=True)]


@pytest.mark.parametrize(
    ("now", "expected"),
    [(105, 110), (110, 110), (119, 110), (120, 120), (157, 150), (1_000_000, 1_000_000)],
)
def test_the_next_deadline_is_on_the_grid_and_skips_what_was_missed(now: int, expected: int):
    assert next_deadline(100, now, 10) == expected


def test_samples_are_taken_on_an_absolute_grid_however_long_a_call_takes():
    clock = FakeClock(7)
    stamps = [row[0] for row in rows(run(clock, FakeSource(clock, call_seconds=0.004)), "gpu0")]
    assert len(stamps) == 100
    # Each is the middle of a call of 4 ms that began on the grid of 10 ms.
    assert [(stamp - 7 - 2_000_000) % 10_000_000 for stamp in stamps] == [0] * 100


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


def test_the_sampler_reports_its_lateness_and_its_calls():
    clock = FakeClock()
    own = rows(run(clock, FakeSource(clock), FakeSource(clock, 1)), "sampler")
    assert [row[1] for row in own] == [0.0] * 100
    assert [row[2] for row in own] == pytest.approx([400.0] * 100)


def test_pages_come_every_40_ms_and_hold_four_rows():
    clock = FakeClock()
    documents = run(clock, FakeSource(clock))
    pages = [each for each in documents if isinstance(each, Page) and each.stream == "gpu0"]
    assert [len(page.t_ns) for page in pages] == [4] * 25


def test_at_10_hz_every_sample_is_a_page():
    clock = FakeClock()
    pages = [each for each in run(clock, FakeSource(clock), rate_hz=10) if isinstance(each, Page)]
    assert [len(page.t_ns) for page in pages if page.stream == "gpu0"] == [1] * 10


def test_the_slow_lane_runs_at_5_hz_and_one_call_a_tick():
    clock = FakeClock()
    sources = [FakeSource(clock, index) for index in range(2)]
    documents = run(clock, *sources)
    assert len(rows(documents, "gpu0.slow")) == len(rows(documents, "gpu1.slow")) == 5
    ticks = [tick for source in sources for tick in source.slow_at]
    assert len(ticks) == len(set(ticks)) == 20


def test_more_slow_calls_than_ticks_make_the_slow_lane_slower():
    clock = FakeClock()
    sources = [FakeSource(clock, index) for index in range(5)]
    loop = SamplingLoop(sources, clock, print, rate_hz=10)
    periods = {each.stream: each.nominal_period_ns for each in loop.describe()}
    assert periods["gpu0"] == NS // 10
    assert periods["gpu0.slow"] == NS
    documents = run(clock, *sources, rate_hz=10, seconds=2)
    assert len(rows(documents, "gpu4.slow")) == 2


def test_descriptors_tell_columns_windows_and_what_is_refused():
    clock = FakeClock(5)
    described = {each.stream: each for each in SamplingLoop([FakeSource(clock)], clock, print).describe()}
    assert list(described) == ["gpu0", "gpu0.slow", "sampler", "sampler.process"]
    fast = described["gpu0"]
    assert list(fast.columns) == ["power_instant_watts", "energy_joules"]
    assert fast.columns["power_instant_watts"].window_ns == 25_000_000
    assert fast.columns["energy_joules"].kind == "counter"
    assert fast.unsupported == {"power_average_watts": "Not Supported"}
    assert (fast.device, fast.device_name, fast.source) == ("FAKE-0", "Fake", "simulated")
    assert described["gpu0.slow"].unsupported == {"memory_temperature_celsius": "Not Supported"}
    assert described["sampler"].source == "sampler"


def test_cpu_is_reported_once_a_second_and_for_what_is_left():
    clock = FakeClock()
    assert len(rows(run(clock, FakeSource(clock), seconds=3), "sampler.process")) == 3
    assert len(rows(run(clock, FakeSource(clock), seconds=0.5), "sampler.process")) == 1


def test_a_device_that_falls_silent_is_told_once_and_so_is_its_return():
    clock = FakeClock()
    source = FakeSource(clock)
    documents: list[Descriptor | Page | Mark] = []
    loop = SamplingLoop([source], clock, documents.append)

    def ended() -> bool:
        source.failure = "GPU is lost" if NS <= clock.now_ns() < 3 * NS else None
        return clock.now_ns() >= 6 * NS

    loop.run(ended)
    marks = [each for each in documents if isinstance(each, Mark)]
    assert [mark.kind for mark in marks] == [MarkKind.WARNING, MarkKind.NOTE]
    assert "GPU is lost" in str(marks[0].text)
    assert marks[0].data == {"stream": "gpu0"}
    missing = [row[0] for row in rows(documents, "gpu0") if row[1] is None]
    assert len(missing) == pytest.approx(200, abs=5)
    assert len(rows(documents, "gpu0")) == 600
