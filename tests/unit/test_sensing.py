"""What is said of a sensor, from readings whose truth is known."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from story import MS, SECOND, start

from engine.documents import Column, Descriptor, Document, Mark, MarkKind, Page
from engine.sensing import KEPT_NS, Sensing

INSTANT, AVERAGE, COUNTER = "power_instant_watts", "power_average_watts", "energy_joules"
Row = tuple[float | None, float | None, float | None]


def described(columns: tuple[str, ...] = (INSTANT, AVERAGE, COUNTER), **more: Any) -> Descriptor:
    facts = {"stream": "gpu0", "t_ns": 0, "source": "nvml", "device": "GPU-1", "nominal_period_ns": 10 * MS, **more}
    return Descriptor(columns={name: Column(unit="W", kind="gauge") for name in columns}, **facts)


def hopper(tick: int) -> Row:
    """300 W with a little noise; all three renewed every 100 ms."""
    noise = (tick * 7 % 5 - 2) / 10
    return 300 + noise, 300 + noise / 10, 1000.0 + 30 * tick


def samples(signal: Callable[[int], Row], seconds: float = 12, stream: str = "gpu0") -> Iterator[Page]:
    """100 Hz of `signal` (called with the number of the 100 ms tick), in pages of 40 ms."""
    for first in range(0, round(seconds * 100), 4):
        rows = [(index * 10 * MS, *signal(index // 10)) for index in range(first, first + 4)]
        t_ns, *columns = (list(column) for column in zip(*rows, strict=True))
        yield Page(stream=stream, t_ns=t_ns, data=dict(zip((INSTANT, AVERAGE, COUNTER), columns, strict=True)))


def sensed(*documents: Document) -> dict[str, Any]:
    sensing = Sensing()
    for document in documents:
        sensing.add(document)
    report = sensing.report()
    assert report is not None
    return report


def test_all_is_well() -> None:
    report = sensed(described(), *samples(hopper))
    assert report["achieved_hz"] == report["asked_hz"] == 100.0
    assert report["period_ms"] == {"power_instant": 100.0, "power_average": 100.0, "energy_counter": 100.0}
    assert report["instant_window"] == {"ms": 25.0, "origin": "assumed"}
    assert report["instant_per_second"] == pytest.approx(10, abs=0.2)
    assert report["counter_per_second"] == pytest.approx(10, abs=0.2)
    assert abs(report["disagreement_percent"]["instant"]) < 0.2
    assert abs(report["disagreement_percent"]["average"]) < 0.2
    assert report["window_seconds"] == 8.1 and report["valid"] is True and report["reasons"] == []


def test_no_device_no_report() -> None:
    assert Sensing().report() is None


def test_a_device_without_sensors_says_so() -> None:
    report = sensed(described(()))
    assert report["reasons"] == ["not_supported"] and report["valid"] is False and report["achieved_hz"] is None


@pytest.mark.parametrize(
    ("signal", "reasons", "valid"),
    [
        (lambda tick: (600.0 + tick % 2, 350.0, 1000.0 + 35 * tick), ["sensor_beats_with_load"], True),
        (lambda tick: (600.0 + tick % 2, 350.0, 1000.0 + 60 * tick), ["counter_average_disagree"], False),
        (lambda tick: (300.0 + tick % 2, 300.0, 1000.0), ["counter_instant_disagree"], False),
        (lambda tick: (300.0 + tick % 2, 300.0, 30.0 * tick + 5000 * (tick <= 90)), ["counter_reset"], True),
        (lambda tick: (300.0 + tick % 2, 300.0, 30.0 * tick) if not 80 < tick < 90 else (None,) * 3, ["gap"], True),
    ],
    ids=["beats", "counter fed by the sensor", "counter stands still", "reset", "gap"],
)  # fmt: skip
def test_what_is_wrong_is_said(signal: Callable[[int], Row], reasons: list[str], valid: bool) -> None:
    report = sensed(described(), *samples(signal))
    assert (report["reasons"], report["valid"]) == (reasons, valid)


def test_a_reason_is_forgotten_when_its_readings_are() -> None:
    gap = Mark(kind=MarkKind.GAP, t_ns=SECOND, end_t_ns=2 * SECOND, data={"stream": "gpu0"})
    early = sensed(described(), gap, *samples(hopper, seconds=5))
    late = sensed(described(), gap, *samples(hopper, seconds=14))
    assert early["reasons"] == ["gap"] and late["reasons"] == []


def test_throttling_is_told_by_the_slow_lane() -> None:
    slow = Page(stream="gpu0.slow", t_ns=[11 * SECOND], data={"throttle_reasons": [0x4 | 0x40]})
    report = sensed(described(), *samples(hopper), slow)
    assert report["reasons"] == ["power_capped", "thermal_throttle"] and report["valid"] is True


def test_what_a_device_is_belongs_to_every_reading_of_it() -> None:
    assert sensed(described(source="simulated"), *samples(hopper))["reasons"] == ["simulated"]
    assert sensed(described((COUNTER,), source="rapl"), *samples(hopper))["reasons"] == ["whole_package"]
    divided = start().model_copy(update={"provenance": {"devices": {"devices": [{"uuid": "GPU-1", "mig": True}]}}})
    assert sensed(divided, described(), *samples(hopper))["reasons"] == ["whole_board"]


def test_the_gravest_device_is_reported() -> None:
    other = described(stream="gpu1", device="GPU-2")
    wrong = samples(lambda tick: (600.0 + tick % 2, 350.0, 1000.0 + 60 * tick), stream="gpu1")
    report = sensed(described(), other, *samples(hopper), *wrong)
    assert report["stream"] == "gpu1"


def test_the_samplers_own_cost() -> None:
    own = Page(
        stream="sampler",
        t_ns=list(range(1, 101)),
        data={
            "sampler_lateness_microseconds": [float(number) for number in range(100)],
            "sampler_call_microseconds": [5.0] * 100,
        },
    )
    described_own = [
        Descriptor(stream=stream, t_ns=0, source="sampler", columns={}) for stream in ("sampler", "sampler.process")
    ]
    process = Page(stream="sampler.process", t_ns=[1, 2], data={"sampler_cpu_percent": [0.5, 1.5]})
    report = sensed(described(), *described_own, own, process)
    assert report["sampler"] == {"cpu_percent": 1.0, "call_us_p50": 5.0, "late_us_p50": 50.0, "late_us_p99": 99.0}


def test_a_second_device_has_its_own_reader() -> None:
    columns = {"sampler_call_microseconds": Column(unit="µs", kind="gauge")}
    readers = [
        Descriptor(stream=stream, t_ns=0, source="sampler", columns=columns) for stream in ("sampler", "sampler.gpu1")
    ]
    pages = [
        Page(stream=reader.stream, t_ns=[1], data={"sampler_call_microseconds": [us]})
        for reader, us in zip(readers, (5.0, 500.0), strict=True)
    ]
    sensing = Sensing()
    for document in (described(), described(stream="gpu1", device="GPU-2"), *readers, *pages):
        sensing.add(document)
    assert [report["sampler"]["call_us_p50"] for report in sensing.reports()] == [5.0, 500.0]


def test_a_rate_that_the_sampler_has_lowered_is_the_one_that_is_wanted() -> None:
    lowered = Mark(kind=MarkKind.NOTE, t_ns=1, data={"stream": "gpu0", "rate_hz": 50})
    assert sensed(described(), lowered)["asked_hz"] == 50.0


def test_a_stream_described_again_keeps_its_readings() -> None:
    report = sensed(described(), *samples(hopper), described())
    assert report["window_seconds"] == 8.1


def test_a_new_run_begins_afresh() -> None:
    sensing = Sensing()
    for document in (described(), *samples(hopper, seconds=2), start()):
        sensing.add(document)
    assert sensing.report() is None


def test_memory_is_bounded() -> None:
    sensing = Sensing()
    sensing.add(described())
    kept = []
    for page in samples(hopper, seconds=120):
        sensing.add(page)
        meter = sensing.devices["gpu0"].meter
        kept.append(len(meter.counter.ticks) + len(meter.instant.t_ns))
    assert max(kept[1000:]) <= max(kept[:1000]) + 2 and max(kept) < 30 * KEPT_NS // SECOND
