"""The figures of a measurement from its documents, and what is printed of them."""

import math

import pytest

from engine.documents import Column, Descriptor, Mark, MarkKind, Page, Start
from engine.measure.cadence import Cadence
from engine.measure.foreground import cannot_run
from engine.measure.measured import Measurement
from engine.measure.readings import GpuReadings
from engine.validity import Reason
from server.terminal.measure_table import print_measured

MS = 1_000_000
ORIGIN = 5_000 * MS
WATTS = ("power_instant_watts", "power_average_watts")


def start(*, simulated: bool = False, mig: bool = False) -> Start:
    return Start(
        run="r",
        utc="2026-01-01T00:00:00Z",
        seed=7,
        demo={},
        arms=[],
        provenance={"clock_origin_ns": ORIGIN, "devices": {"devices": [{"uuid": "GPU-0", "mig": mig}]}},
        simulated={"power": simulated},
    )


def described(stream: str, *columns: str, device: str | None = "GPU-0") -> Descriptor:
    units = {name: Column(unit="W", kind="gauge") for name in columns}
    facts = {"device": device, "device_name": "Some GPU"} if device else {}
    return Descriptor(stream=stream, t_ns=0, source="nvml", columns=units, nominal_period_ns=MS, **facts)


def samples(stream: str, *, milliseconds: int, watts: float = 300.0, tick: int = 100, from_ms: int = 0) -> Page:
    """A constant load, a sample each millisecond, on sensors that are renewed every `tick` of them."""
    t_ns = [ms * MS for ms in range(from_ms, from_ms + milliseconds)]
    joules = [1000 + watts * (t // MS // tick * tick) / 1000 for t in t_ns]
    # Not the same number twice, as noise makes it on a real board: else no update could be seen.
    power = [watts + 0.01 * math.sin(t // MS // tick) for t in t_ns]
    return Page(stream=stream, t_ns=t_ns, data={WATTS[0]: power, WATTS[1]: power, "energy_joules": joules})


def told(*documents: object, edges: str = "snapped", begin_ms: int = 1230, end_ms: int = 3000) -> Measurement:
    measurement = Measurement()
    begin = Mark(kind=MarkKind.NOTE, t_ns=begin_ms * MS, data={"window": "begin", "edges": edges})
    end = Mark(kind=MarkKind.NOTE, t_ns=end_ms * MS, data={"window": "end", "edges": edges})
    for document in (*documents, begin, end):
        measurement.add(document)
    return measurement


GPU = described("gpu0", *WATTS, "energy_joules")


def test_the_window_of_seconds_is_told_in_absolute_time_and_lies_within_what_was_asked() -> None:
    result = told(start(), GPU, samples("gpu0", milliseconds=4000), begin_ms=1230, end_ms=2950).result()
    assert result is not None
    (gpu,) = result["gpus"]
    assert result["start_ns"] == gpu["start_ns"] and result["end_ns"] == gpu["end_ns"]
    assert result["asked"] == {"start_ns": ORIGIN + 1230 * MS, "end_ns": ORIGIN + 2950 * MS}
    assert gpu["instant_window"] == {"ms": pytest.approx(25, rel=0.01), "origin": "assumed"}
    assert gpu["start_ns"] == pytest.approx(ORIGIN + 1300 * MS, abs=MS)
    assert gpu["end_ns"] == pytest.approx(ORIGIN + 2900 * MS, abs=MS)
    assert gpu["energy_joules"] == pytest.approx(480) and gpu["mean_watts"] == pytest.approx(300, rel=1e-3)
    assert gpu["valid"] is True and gpu["reasons"] == []
    assert gpu["samples"] == pytest.approx(1600, abs=3) and gpu["achieved_hz"] == pytest.approx(1000)


def test_a_commands_window_is_taken_as_it_is() -> None:
    measurement = told(start(), GPU, samples("gpu0", milliseconds=4000), edges="given", begin_ms=1234, end_ms=2345)
    result = measurement.result()
    assert result is not None
    (gpu,) = result["gpus"]
    assert (gpu["start_ns"], gpu["end_ns"]) == (ORIGIN + 1234 * MS, ORIGIN + 2345 * MS)
    assert (result["start_ns"], result["end_ns"]) == (gpu["start_ns"], gpu["end_ns"])
    assert gpu["energy_joules"] == pytest.approx(300 * 1.111, rel=0.002)


def test_two_gpus_span_from_the_earliest_to_the_latest() -> None:
    second = described("gpu1", *WATTS, "energy_joules", device="GPU-1")
    measurement = told(
        start(), GPU, second, samples("gpu0", milliseconds=4000), samples("gpu1", milliseconds=4000, tick=20)
    )
    result = measurement.result()
    assert result is not None
    first, other = result["gpus"]
    assert other["start_ns"] < first["start_ns"]
    assert result["start_ns"] == other["start_ns"]
    assert result["end_ns"] == max(first["end_ns"], other["end_ns"])


def test_what_no_sensor_tells_is_null_and_not_valid() -> None:
    result = told(start(), described("gpu0")).result()
    assert result is not None
    (gpu,) = result["gpus"]
    assert gpu["energy_joules"] is gpu["mean_watts"] is gpu["method"] is gpu["achieved_hz"] is None
    assert gpu["cross_checks"] == {"counter_joules": None, "instant_joules": None, "average_joules": None}
    assert gpu["interval_error_ms"] == {"p50": None, "p99": None}
    assert (gpu["valid"], gpu["reasons"], gpu["samples"]) == (False, ["not_supported"], 0)
    assert result["sampler_cpu_percent"] is None


def test_a_gpu_that_never_answered_is_unknown_too() -> None:
    nothing: list[float | None] = [None] * 4000
    silent = Page(stream="gpu0", t_ns=[ms * MS for ms in range(4000)], data={"energy_joules": nothing})
    result = told(start(), GPU, silent).result()
    assert result is not None
    (gpu,) = result["gpus"]
    assert gpu["energy_joules"] is None and gpu["valid"] is False and gpu["samples"] == 0


def test_reasons_come_from_the_slow_lane_the_board_and_the_start() -> None:
    slow = Page(stream="gpu0.slow", t_ns=[1000 * MS, 2000 * MS], data={"throttle_reasons": [0x4, 0x60]})
    result = told(
        start(simulated=True, mig=True), GPU, described("gpu0.slow"), samples("gpu0", milliseconds=4000), slow
    ).result()
    assert result is not None and result["simulated"] is True
    assert result["gpus"][0]["reasons"] == ["thermal_throttle", "whole_board", "simulated"], "the cap was before it"


def test_a_window_between_two_answers_of_the_slow_lane_has_what_both_say() -> None:
    readings = GpuReadings(GPU)
    times = [200 * MS * number for number in range(50)]
    readings.slow(Page(stream="gpu0.slow", t_ns=times, data={"throttle_reasons": [0] * 20 + [0x4] * 20 + [0] * 10}))
    capped = [Reason.POWER_CAPPED]
    assert readings.slowed(5050 * MS, 5100 * MS) == readings.slowed(3900 * MS, 3950 * MS) == capped
    assert readings.slowed(1050 * MS, 1100 * MS) == readings.slowed(9050 * MS, 9100 * MS) == []
    assert readings.slowed(0, 10_000 * MS) == capped and readings.slowed(0, 3800 * MS) == []


def test_without_a_whole_window_there_is_no_result() -> None:
    assert told(GPU, samples("gpu0", milliseconds=100)).result() is None, "no start"
    measurement = Measurement()
    measurement.add(start())
    assert measurement.window is None and measurement.result() is None


def test_the_samplers_own_cost_is_weighted_by_time() -> None:
    cpu = Page(
        stream="sampler.process",
        t_ns=[1000 * MS, 2000 * MS, 2500 * MS],
        data={"sampler_cpu_percent": [4.0, 6.0, 10.0]},
    )
    result = told(start(), GPU, samples("gpu0", milliseconds=4000), cpu).result()
    assert result is not None and result["sampler_cpu_percent"] == pytest.approx(6.0)


def test_warnings_are_passed_on_once() -> None:
    warning = Mark(kind=MarkKind.WARNING, t_ns=5, text="gpu0 does not answer")
    result = told(start(), GPU, samples("gpu0", milliseconds=4000), warning, warning).result()
    assert result is not None and result["warnings"] == ["gpu0 does not answer"]


def errors_ms(t_ms: list[float], late_ms: list[float]) -> list[float]:
    cadence = Cadence()
    cadence.planned(0, MS)
    cadence.planned(1000 * MS, 2 * MS)
    cadence.late([round(t * MS) for t in t_ms], [late * 1000 for late in late_ms])
    return cadence.interval_errors_ms(0, 10**12)


def test_interval_errors_are_against_the_plan() -> None:
    assert errors_ms([1, 2, 3], [0, 0, 0]) == [0, 0]
    assert errors_ms([1, 2.2, 3], [0, 0.2, 0]) == pytest.approx([0.2, 0.2])
    # A planned walk of the phase is no error; a deadline that was passed over is one of a whole period.
    assert errors_ms([1, 2.62, 3.24], [0, 0, 0]) == pytest.approx([0, 0], abs=1e-6)
    assert errors_ms([1, 3, 4], [0, 0, 0]) == pytest.approx([1, 0])
    # Read less often from the second second on.
    assert errors_ms([1001, 1003, 1007], [0, 0, 0]) == pytest.approx([0, 2])


def test_every_reader_has_its_own_cadence_and_rate() -> None:
    late = "sampler_lateness_microseconds"
    second = described("gpu1", *WATTS, "energy_joules", device="GPU-1")
    own = [described("sampler", late, device=None), described("sampler.gpu1", late, device=None)]
    slower = Mark(kind=MarkKind.WARNING, t_ns=10 * MS, text="slower", data={"stream": "gpu1", "rate_hz": 500})
    t_ns = [ms * MS for ms in range(1000, 3000, 2)]
    readers = [
        Page(stream="sampler", t_ns=t_ns, data={late: [0.0] * 1000}),
        Page(stream="sampler.gpu1", t_ns=t_ns, data={late: [0.0] * 1000}),
    ]
    rows = [samples("gpu0", milliseconds=4000), samples("gpu1", milliseconds=4000)]
    result = told(start(), GPU, second, *own, slower, *rows, *readers).result()
    assert result is not None
    assert [gpu["interval_error_ms"]["p50"] for gpu in result["gpus"]] == [1, 0], "only the second one was to be slower"


def test_samples_are_counted_within_the_window() -> None:
    cadence = Cadence()
    for ms in range(100):
        cadence.stamp(ms * MS)
    assert cadence.samples(10 * MS, 20 * MS) == 11 and cadence.hertz(10 * MS, 20 * MS) == pytest.approx(1000)
    assert cadence.samples(200 * MS, 300 * MS) == 0 and cadence.hertz(200 * MS, 300 * MS) is None


def test_a_measurement_of_days_is_counted_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.measure.cadence._KEPT", 100)
    monkeypatch.setattr("engine.measure.cadence._HEAD", 50)
    cadence, whole = Cadence(), Cadence()
    for ms in range(10_000):
        cadence.late([ms * MS], [ms % 3])
    monkeypatch.undo()
    whole.late([ms * MS for ms in range(10_000)], [ms % 3 for ms in range(10_000)])
    for begin, end in ((11 * MS, 9990 * MS), (0, 10_000 * MS), (9950 * MS, 9990 * MS)):
        assert cadence.samples(begin, end) == whole.samples(begin, end)
        assert cadence.hertz(begin, end) == whole.hertz(begin, end)
    assert cadence.interval_errors_ms(9950 * MS, 9990 * MS) == whole.interval_errors_ms(9950 * MS, 9990 * MS)
    assert 0 < len(cadence.interval_errors_ms(0, 10_000 * MS)) < 200
    assert len(cadence._stamps) < 200 and len(cadence._due) == len(cadence._stamps) and len(cadence._head) == 50


def test_statuses_of_commands_that_cannot_be_run() -> None:
    assert cannot_run(FileNotFoundError()) == 127
    assert cannot_run(PermissionError()) == cannot_run(OSError(8, "Exec format error")) == 126


def test_the_table_says_what_is_unknown_simulated_and_doubtful(capsys: pytest.CaptureFixture[str]) -> None:
    second = described("gpu1", device="GPU-1")
    result = told(start(simulated=True), GPU, second, samples("gpu0", milliseconds=4000)).result()
    assert result is not None
    print_measured(result, on_stderr=False)
    shown = capsys.readouterr().out
    assert "SIMULATED" in shown and "energy counter" in shown and "—" in shown and "NOT VALID" in shown
    assert "This device does not report the power or energy" in shown
    print_measured(result, on_stderr=True)
    captured = capsys.readouterr()
    assert captured.out == "" and "energy counter" in captured.err


# -- who else was there


def foreign(begin_ms: int, end_ms: int | None, stream: str = "gpu0") -> Mark:
    data = {"code": "foreign_process", "device": stream, "pids": [4242], **({} if end_ms else {"open": True})}
    end_ns = end_ms * MS if end_ms else None
    return Mark(kind=MarkKind.WARNING, t_ns=begin_ms * MS, end_t_ns=end_ns, text="process 4242", data=data)


@pytest.mark.parametrize(
    ("marks", "flagged"),
    [
        ([foreign(500, None), foreign(500, 2000)], True),
        ([foreign(500, None)], True),
        ([foreign(500, None), foreign(500, 1000)], False),
        ([foreign(500, 2000, "gpu1")], False),
    ],
    ids=["within", "still there", "before the window", "on another GPU"],
)
def test_a_foreign_process_makes_the_energy_not_the_commands_own(marks: list[Mark], flagged: bool) -> None:
    result = told(start(), GPU, samples("gpu0", milliseconds=4000), *marks, edges="given").result()
    assert result is not None
    (gpu,) = result["gpus"]
    assert (gpu["reasons"] == ["foreign_process"], gpu["valid"]) == (flagged, not flagged)
    assert gpu["energy_joules"] is not None, "it is the board's all the same"
    assert len(result["warnings"]) == sum(mark.end_t_ns is not None for mark in marks)
