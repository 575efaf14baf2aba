"""GPUs that hang from the very first call: the others start without them, and who comes back joins."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from engine.documents import Descriptor, MarkKind
from engine.errors import DeviceError
from engine.metrics import FAST_LANE, UNANSWERED
from engine.sampling import Sampler
from integration.test_nvml import Bench
from integration.test_nvml_faults import about, times

pytestmark = pytest.mark.alone

Script = Callable[[str], None]
UUID = "GPU-00000000-0000-0000-0000-00000000000"


@pytest.fixture
def bench(fake_nvml: Script) -> Bench:
    return Bench(fake_nvml)


@pytest.mark.parametrize(("hanging", "other"), [(1, 0), (0, 1)])
async def test_a_gpu_that_hangs_at_once_is_told_and_the_other_is_read(bench: Bench, hanging: int, other: int):
    sampler = bench.sampler(f"gpus=2;gpu{hanging}.hang=0:inf;high=300", stop_seconds=8.0)
    async with sampler:
        unknown = sampler.descriptors[f"gpu{hanging}"]
        assert not unknown.columns and unknown.unsupported == dict.fromkeys(FAST_LANE, UNANSWERED)
        device = sampler.provenance["devices"][hanging]
        assert (device["index"], device["uuid"], device["answers"]) == (hanging, None, False)
        assert tuple(sampler.descriptors[f"gpu{other}"].columns) == FAST_LANE
        await bench.told(lambda mark: mark.kind == MarkKind.WARNING)
        await bench.until(lambda: len(times(bench, f"gpu{other}")) > 50)
    [warning] = about(bench, MarkKind.WARNING, f"gpu{hanging}")
    assert "hangs" in str(warning.text)
    [gap] = about(bench, MarkKind.GAP, f"gpu{hanging}")
    assert "had not returned" in str(gap.text)
    assert not times(bench, f"gpu{hanging}")
    assert not [mark for mark in bench.marks() if "was killed" in str(mark.text)]


async def test_it_joins_when_it_comes_back(bench: Bench):
    sampler = bench.sampler("gpus=2;gpu1.hang=0:4;high=300;gpu1.high=200")
    async with sampler:
        assert not sampler.descriptors["gpu1"].columns
        await bench.until(lambda: len(times(bench, "gpu1")) > 50)
    assert tuple(sampler.descriptors["gpu1"].columns) == FAST_LANE
    assert sampler.descriptors["gpu1"].device == f"{UUID}1"
    (begun, nothing), *rows = bench.rows("gpu1")
    assert begun < 4 and set(nothing.values()) == {None}, "a row says that it was silent from the start"
    assert {values["power_instant_watts"] for _, values in rows} == {200.0}
    assert rows[0][0] >= 4
    assert times(bench, "gpu0")[0] < 4
    [gap] = about(bench, MarkKind.GAP, "gpu1")
    assert gap.data["provenance"]["uuid"] == f"{UUID}1"
    assert gap.end_t_ns / 1e9 == pytest.approx(4, abs=0.5)
    again = [each for each in bench.documents if isinstance(each, Descriptor) and each.stream == "gpu1"]
    assert [bool(each.columns) for each in again] == [False, True]
    late = [index for index, each in enumerate(bench.documents) if getattr(each, "stream", "") == "gpu1"]
    assert bench.documents[late[1]] is again[1], "described before its first page"


@pytest.mark.parametrize("before", ["gpu1.hang=0:4;", ""], ids=["after a hang", "at once"])
async def test_one_that_answers_with_an_error_is_left_out_and_it_is_said(bench: Bench, before: str):
    async with bench.sampler(f"gpus=2;{before}gpu1.lost=0:inf"):
        await bench.told(lambda mark: "is left out until it answers" in str(mark.text))
    [*_, warning] = about(bench, MarkKind.WARNING, "gpu1")
    assert "GPU is lost" in str(warning.text)
    assert times(bench, "gpu0")


async def test_one_that_has_recovered_from_its_error_is_read(bench: Bench):
    async with bench.sampler("gpus=2;gpu1.unknown=0:4"):
        await bench.until(lambda: len(times(bench, "gpu1")) > 5)
    [gap] = about(bench, MarkKind.GAP, "gpu1")
    assert gap.end_t_ns / 1e9 == pytest.approx(4.5, abs=1)


async def test_one_that_was_asked_for_by_name_must_answer(fake_nvml: Script):
    fake_nvml("gpus=2;gpu1.lost=0:inf")
    with pytest.raises(DeviceError, match="GPU 1 does not answer: GPU is lost"):
        await Sampler(source="nvml", clock_origin_ns=0, on_document=print, gpus=[0, 1]).__aenter__()


async def test_a_late_one_takes_up_the_rate_that_holds_by_then(bench: Bench):
    async with bench.sampler("gpus=2;gpu1.hang=0:4") as sampler:
        await sampler.set_rate(20)
        await bench.until(lambda: len(times(bench, "gpu1")) > 20)
    stamps = times(bench, "gpu1")[-12:]  # another rate begins with another page
    assert (len(stamps) - 1) / (stamps[-1] - stamps[0]) < 22


async def test_choosing_by_uuid_does_not_wait_for_one_that_hangs(bench: Bench):
    sampler = bench.sampler("gpus=2;gpu0.hang=0:inf", gpus=[f"{UUID}1"], stop_seconds=8.0)
    async with sampler:
        assert "gpu0" not in sampler.descriptors
        await bench.until(lambda: len(times(bench, "gpu1")) > 5)
    assert not [mark for mark in bench.marks() if mark.kind == MarkKind.WARNING]


async def test_an_unknown_uuid_beside_a_gpu_that_hangs_is_said(fake_nvml: Script):
    fake_nvml("gpus=2;gpu0.hang=0:inf")
    with pytest.raises(DeviceError, match=r"no GPU is called 'GPU-9'.*0 \(does not answer\)"):
        await Sampler(source="nvml", clock_origin_ns=0, on_document=print, gpus=["GPU-9"]).__aenter__()


FIND = """
from engine.clock import MonotonicClock
from engine.sources import find_sources
print(*(found.index for found in find_sources("nvml", clock=MonotonicClock())))
"""


def test_looking_for_gpus_asks_none_of_them(fake_nvml: Script):
    fake_nvml(f"t0_ns={time.monotonic_ns()};gpus=2;hang=0:inf")
    done = subprocess.run([sys.executable, "-c", FIND], capture_output=True, check=True, timeout=60, text=True)
    assert done.stdout.split() == ["0", "1"]


async def test_an_error_beside_one_that_hangs_is_the_error(fake_nvml: Script):
    fake_nvml("gpus=2;gpu0.hang=0:inf;gpu1.lost=0:inf")
    with pytest.raises(DeviceError, match=r"GPU 1 does not answer: GPU is lost.*--gpu.*gpus:"):
        await Sampler(source="nvml", clock_origin_ns=0, on_document=print).__aenter__()
