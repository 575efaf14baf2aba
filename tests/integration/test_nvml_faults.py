"""The sampler on a driver that hangs, loses boards, is loaded anew or costs too much; and boards that lack things."""

import ctypes
import math
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from engine.documents import Mark, MarkKind
from engine.metrics import FAST_LANE
from integration.test_nvml import Bench

Script = Callable[[str], None]


@pytest.fixture
def bench(fake_nvml: Script) -> Bench:
    return Bench(fake_nvml)


def about(bench: Bench, kind: MarkKind, stream: str = "gpu0") -> list[Mark]:
    return [mark for mark in bench.marks() if mark.kind == kind and mark.data.get("stream") == stream]


def times(bench: Bench, stream: str) -> list[float]:
    return [t for t, _ in bench.rows(stream)]


async def test_a_gpu_whose_call_hangs_does_not_stop_the_other(bench: Bench):
    await bench.run("gpus=2;gpu1.hang=3:5.5", seconds=6.5)
    during = [t for t in times(bench, "gpu0") if 3.2 < t < 5.4]
    assert len(during) > 120
    assert max(later - earlier for earlier, later in pairwise(during)) < 0.3
    assert [t for t in times(bench, "gpu1") if t > 5.6]
    assert not [t for t in times(bench, "gpu1") if 3.1 < t < 5.4]
    [warning] = about(bench, MarkKind.WARNING, "gpu1")
    assert "hangs" in str(warning.text)
    assert warning.data["device"] == "GPU-00000000-0000-0000-0000-000000000001"
    assert 4 < warning.t_ns / 1e9 < 5.4, "it is told while it lasts"
    [gap] = about(bench, MarkKind.GAP, "gpu1")
    assert gap.t_ns / 1e9 == pytest.approx(3, abs=0.3)
    assert gap.end_t_ns / 1e9 == pytest.approx(5.5, abs=0.3)
    assert not [mark for mark in bench.marks() if mark.data.get("stream") == "gpu0"]


async def test_a_call_that_never_returns_does_not_prevent_the_end(bench: Bench):
    await bench.run("gpus=2;gpu1.hang=3:inf", seconds=4.5, stop_seconds=8.0)
    [gap] = about(bench, MarkKind.GAP, "gpu1")
    assert "had not returned" in str(gap.text)
    assert gap.end_t_ns / 1e9 > 4.4
    assert not [mark for mark in bench.marks() if "was killed" in str(mark.text)]
    assert times(bench, "gpu0")[-1] > 4.4
    assert times(bench, "gpu1")[-1] == pytest.approx(3, abs=0.3)


async def test_the_only_gpu_hangs_and_comes_back(bench: Bench):
    await bench.run("hang=3:4.6", seconds=5.2)
    assert [mark.kind for mark in bench.marks()] == [MarkKind.WARNING, MarkKind.GAP]
    stamps = times(bench, "gpu0")
    assert stamps == sorted(stamps)
    # Nobody knows of what moment the hanging call's answer was.
    [gap] = about(bench, MarkKind.GAP)
    within = [values for t, values in bench.rows("gpu0") if gap.t_ns / 1e9 + 0.1 < t <= gap.end_t_ns / 1e9]
    assert all(value is None for values in within for value in values.values())


async def test_a_driver_that_was_loaded_anew_is_found_again_by_uuid(bench: Bench):
    await bench.run("gpus=2;reload=3:3.5;reorder=1;gpu0.high=200;gpu1.high=300", seconds=5.5)
    for stream, watts in (("gpu0", 200.0), ("gpu1", 300.0)):
        after = [values for t, values in bench.rows(stream) if t > 4.8]
        assert after
        assert {values["power_instant_watts"] for values in after} == {watts}, "the indices were exchanged"
        assert [mark.data["outage"] for mark in bench.marks() if mark.data["stream"] == stream] == ["begin", "end"]
        missing = [values for t, values in bench.rows(stream) if 3.1 < t < 3.4]
        assert {value for values in missing for value in values.values()} == {None}
    assert [values for t, values in bench.rows("gpu0.slow") if t > 5]


async def test_a_board_that_is_lost_for_good_is_told_once(bench: Bench):
    await bench.run("gpus=2;gpu0.lost=3:inf", seconds=5)
    [begun] = [mark for mark in bench.marks() if mark.data["stream"] == "gpu0"]
    assert (begun.kind, begun.data["outage"]) == (MarkKind.WARNING, "begin")
    assert begun.t_ns / 1e9 == pytest.approx(3, abs=0.3)
    assert all(value is not None for value in bench.column("energy_joules", "gpu1"))


async def test_a_field_that_is_refused_later_than_at_the_start_is_missing_from_then_on(bench: Bench):
    sampler = await bench.run("no_after=3:83", seconds=4)
    assert tuple(sampler.descriptors["gpu0"].columns) == FAST_LANE
    after = [values for t, values in bench.rows("gpu0") if t > 3.2]
    assert {values["energy_joules"] for values in after} == {None}
    assert None not in {values["power_instant_watts"] for values in after}
    [mark] = bench.marks()
    assert "energy_joules: Not Supported" in str(mark.text)


async def test_calls_that_take_too_long_lower_the_rate_and_it_is_said(bench: Bench):
    sampler = await bench.run("gpus=2;delay_us=500;gpu1.delay_us=0", seconds=1, rate_hz=1000)
    devices = sampler.provenance["devices"]
    assert (devices[0]["rate_hz"], devices[1]["rate_hz"], sampler.provenance["rate_hz"]) == (500, 1000, 1000)
    assert devices[0]["call_microseconds"] > 500
    assert sampler.descriptors["gpu0"].nominal_period_ns == 2_000_000
    warning = about(bench, MarkKind.WARNING)[0]
    assert (warning.data["rate_hz"], warning.data["asked_hz"]) == (500, 1000)


async def test_mig_power_is_said_to_be_the_whole_boards(bench: Bench):
    sampler = await bench.run("mig=1", seconds=0.3)
    [note] = bench.marks()
    assert (note.kind, note.data["stream"]) == (MarkKind.NOTE, "gpu0")
    assert "whole board" in str(note.text)
    assert (sampler.provenance["devices"][0]["scope"], sampler.provenance["devices"][0]["mig"]) == ("board", True)
    assert "utilization_percent" in sampler.descriptors["gpu0.slow"].unsupported


async def test_a_grace_hopper_has_its_modules_power_too(bench: Bench):
    sampler = await bench.run("profile=gh200;high=300;module_extra=150", seconds=0.3)
    columns = sampler.descriptors["gpu0"].columns
    assert tuple(columns) == (*FAST_LANE, "module_power_instant_watts", "module_power_average_watts")
    assert columns["module_power_average_watts"].window_ns == 1_000_000_000
    assert set(bench.column("power_instant_watts")) == {300.0}
    assert set(bench.column("module_power_instant_watts")) == {450.0}
    assert sampler.provenance["devices"][0]["scope"] == "gpu"


async def test_on_tegra_it_is_said_where_power_is_to_be_found(bench: Bench, fake_nvml: Script):
    sampler = await bench.run("gpus=2;gpu1.profile=tegra", seconds=0.5)
    reasons = sampler.descriptors["gpu1"].unsupported
    assert set(reasons) == set(FAST_LANE)
    assert all("Not Supported" in reason and "tegrastats" in reason for reason in reasons.values())
    assert "no power" in str(about(bench, MarkKind.NOTE, "gpu1")[0].text)
    assert not bench.rows("gpu1")


async def test_the_rate_changes_while_it_runs_and_0_is_sleep(bench: Bench, fake_nvml: Script):
    documents: list[object] = bench.documents
    async with bench.sampler("") as sampler:
        await bench.reach(0.7)
        await sampler.set_rate(0)
        await bench.told(lambda mark: mark.data.get("rate_hz") == 0)
        asleep = len(documents)
        await bench.pause(0.8)
        assert len(documents) == asleep, "asleep it says nothing"
        await sampler.set_rate(20)
        await bench.reach(bench.rows("gpu0")[-1][0] + 2)
        with pytest.raises(ValueError, match="10 to 1000"):
            await sampler.set_rate(5)
    notes = [mark for mark in bench.marks() if mark.kind == MarkKind.NOTE]
    assert [mark.data["rate_hz"] for mark in notes] == [0, 20]
    [gap] = about(bench, MarkKind.GAP)
    assert gap.end_t_ns - gap.t_ns > 0.7e9
    woken = [t for t in times(bench, "gpu0") if t > gap.end_t_ns / 1e9]
    assert 5 < (len(woken) - 1) / (woken[-1] - woken[0]) < 22


async def test_it_ends_in_its_sleep_too(bench: Bench):
    async with bench.sampler("") as sampler:
        await bench.reach(0.3)
        await sampler.set_rate(0)
        await bench.told(lambda mark: mark.data.get("rate_hz") == 0)
    assert not [mark for mark in bench.marks() if mark.kind == MarkKind.WARNING]


# -- the fake's own truth


class Truth:
    """The fake library, loaded into this process to be asked for the truth."""

    def __init__(self, folder: Path) -> None:
        library = ctypes.CDLL(str(folder / "libnvidia-ml.so.1"))
        self.joules = library.fake_truth_joules
        self.joules.restype, self.joules.argtypes = (
            ctypes.c_double,
            [ctypes.c_uint, ctypes.c_longlong, ctypes.c_longlong],
        )
        self.tick_ns = library.fake_truth_tick_ns
        self.tick_ns.restype, self.tick_ns.argtypes = ctypes.c_longlong, [ctypes.c_uint, ctypes.c_longlong]


@pytest.fixture
def truth(fake_nvml_folder: Path) -> Truth:
    return Truth(fake_nvml_folder)


@pytest.mark.parametrize(
    ("signal", "joules"),
    [
        ("signal=constant;high=250", 250.0 * 4),
        ("signal=square;period=0.4;duty=0.25;low=100;high=500", 200.0 * 4),
        ("signal=burst;from=1;low=100;high=600", 400 + 150.0),
        ("signal=burst;every=2;from=0.5;low=100;high=600", 400 + 2 * 150.0),
        ("signal=ramp;from=1;to=3;low=100;high=300", 400 + 200.0),
        ("signal=square;period=0.4;seed=11", 350.0 * 4),
    ],
)
def test_the_fakes_truth_is_exact(truth: Truth, fake_nvml: Script, signal: str, joules: float):
    t0 = time.monotonic_ns()
    fake_nvml(f"t0_ns={t0};{signal}")
    assert truth.joules(0, t0, t0 + 4_000_000_000) == pytest.approx(joules, abs=1e-6)
    parts = [truth.joules(0, t0 + n * 10**8, t0 + (n + 1) * 10**8) for n in range(40)]
    assert math.fsum(parts) == pytest.approx(joules, abs=1e-6)


def test_without_an_epoch_there_is_no_truth_to_ask_for(truth: Truth, fake_nvml: Script):
    fake_nvml("signal=constant")
    assert math.isnan(truth.joules(0, 0, 1))


async def test_the_counter_counts_the_truth_at_its_ticks(bench: Bench, truth: Truth):
    await bench.run("signal=square;period=0.37;duty=0.3;seed=5;base_mj=0", seconds=1.5)
    for t, values in bench.rows("gpu0")[::17]:
        now = bench.origin_ns + round(t * 1e9)
        ticks = [truth.tick_ns(0, now + offset) for offset in (-3_000_000, 3_000_000)]
        possible = [truth.joules(0, bench.origin_ns, tick) for tick in ticks]
        assert any(values["energy_joules"] == pytest.approx(each, abs=0.0011) for each in possible)


async def test_a_counter_fed_by_the_part_time_sensor_is_wrong(bench: Bench, truth: Truth):
    await bench.run("profile=partsensor;signal=square;period=0.1;phase=0.04", seconds=1.5)
    (first, begin), (last, end) = bench.rows("gpu0")[0], bench.rows("gpu0")[-1]
    mean = (end["energy_joules"] - begin["energy_joules"]) / (last - first)
    assert mean > 500, "the sensor looks only while the load is high; the truth is 350 W"
