"""The real NVML bindings on the fake driver library: what the hardware and its driver do at their worst."""

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from engine.documents import Mark, MarkKind, Page
from engine.errors import NoDevice
from engine.metrics import FAST_LANE, PROCESS_LANE, SLOW_LANE
from engine.sampling import Sampler

Script = Callable[[str], None]


class Bench:
    """Samples for a while and keeps the documents; t = 0 is the fake library's t0 too."""

    def __init__(self, fake_nvml: Script) -> None:
        self._script = fake_nvml
        self.documents: list[object] = []

    def sampler(self, script: str, **options: object) -> Sampler:
        self.origin_ns = time.monotonic_ns()
        self._script(f"t0_ns={self.origin_ns};{script}")
        keep = self.documents.append
        return Sampler(source="nvml", clock_origin_ns=self.origin_ns, on_document=keep, **options)

    async def run(self, script: str, *, seconds: float = 0.5, **options: object) -> Sampler:
        async with self.sampler(script, **options) as sampler:
            await self.reach(seconds)
        return sampler

    async def reach(self, seconds: float) -> None:
        """Wait until the first GPU has been read at that time."""
        await self.until(lambda: bool(self.rows("gpu0")) and self.rows("gpu0")[-1][0] >= seconds)

    async def told(self, condition: Callable[[Mark], bool]) -> None:
        """Wait for a mark that is so."""
        await self.until(lambda: any(map(condition, self.marks())))

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until that is so."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.02)

    def rows(self, stream: str) -> list[tuple]:
        """Rows as (seconds, values by column)."""
        pages = [each for each in self.documents if isinstance(each, Page) and each.stream == stream]
        return [
            (t_ns / 1e9, dict(zip(page.data, values, strict=True)))
            for page in pages
            for t_ns, *values in zip(page.t_ns, *page.data.values(), strict=True)
        ]

    def column(self, name: str, stream: str = "gpu0") -> list:
        return [values[name] for _, values in self.rows(stream)]

    def marks(self) -> list[Mark]:
        return [each for each in self.documents if isinstance(each, Mark)]


@pytest.fixture
def bench(fake_nvml: Script) -> Bench:
    return Bench(fake_nvml)


async def test_a_hopper_gives_everything_in_the_right_units(bench: Bench):
    sampler = await bench.run("high=300;base_mj=5000000000123")
    assert tuple(sampler.descriptors["gpu0"].columns) == FAST_LANE
    assert tuple(sampler.descriptors["gpu0.slow"].columns) == SLOW_LANE
    assert not sampler.descriptors["gpu0"].unsupported
    assert set(bench.column("power_instant_watts")) == {300.0}
    assert set(bench.column("power_average_watts")) == {300.0}
    # A counter beyond 32 bits, and no millijoule of it lost.
    for seconds, values in bench.rows("gpu0"):
        ticks = int(seconds * 10)
        assert values["energy_joules"] - 5_000_000_000.123 == pytest.approx(30 * ticks, abs=30.01)
    slow = bench.rows("gpu0.slow")[0][1]
    assert slow == {
        "temperature_celsius": 44,
        "memory_temperature_celsius": 51,
        "utilization_percent": 97,
        "memory_utilization_percent": 61,
        "clock_sm_megahertz": 1755,
        "clock_memory_megahertz": 2619,
        "memory_used_bytes": 20 << 30,
        "throttle_reasons": 4,
        "power_limit_watts": 700.0,
    }


async def test_who_computes_on_a_gpu_is_listed_once_a_second(bench: Bench):
    script = "gpus=2;processes=4242:512:0:6.4,77:1024:4:inf;gpu1.processes=;list_us=300000"
    async with bench.sampler(script) as sampler:
        await bench.until(lambda: bool(bench.rows("gpu0.processes")) and bench.rows("gpu0.processes")[-1][0] > 7)
        await bench.until(lambda: bool(bench.rows("gpu1.processes")))
    assert tuple(sampler.descriptors["gpu0.processes"].columns) == PROCESS_LANE
    assert sampler.descriptors["gpu0.processes"].device == sampler.descriptors["gpu0"].device
    rows = bench.rows("gpu0.processes")
    for at, row in rows:
        there = [str(pid) for pid, begin, end in ((77, 4, 99), (4242, 0, 6.4)) if begin + 0.4 < at < end - 0.1]
        gone = [pid for pid, begin, end in (("77", 4, 99), ("4242", 0, 6.4)) if not begin - 0.1 < at < end + 0.4]
        listed = row["compute_process_ids"].split(",")
        assert set(there) <= set(listed) and not set(gone) & set(listed)
        assert row["compute_processes"] == len([pid for pid in listed if pid])
    assert len({row["compute_process_ids"] for _, row in rows}) >= 3, "first one, then both, then the other"
    assert all(later[0] - earlier[0] > 0.5 for earlier, later in pairwise(rows))
    assert bench.rows("gpu1.processes")[0][1] == {"compute_processes": 0, "compute_process_ids": ""}


async def test_a_list_that_takes_seconds_holds_up_no_sample(bench: Bench):
    async with bench.sampler("list_us=1500000", stop_seconds=8.0):
        await bench.until(lambda: len(bench.rows("gpu0.processes")) >= 2)
    assert not [mark for mark in bench.marks() if mark.kind != MarkKind.NOTE]
    assert len(bench.rows("gpu0")) > 50 * len(bench.rows("gpu0.processes"))


async def test_a_list_that_is_refused_or_fails(bench: Bench):
    async with bench.sampler("gpus=2;gpu0.no=processes;gpu1.lost=2.2:3.6;processes=5") as sampler:
        await bench.until(lambda: len(bench.rows("gpu1.processes")) >= 4)
    refused = sampler.descriptors["gpu0.processes"]
    assert refused.unsupported == dict.fromkeys(PROCESS_LANE, "Not Supported") and not refused.columns
    assert not bench.rows("gpu0.processes")
    seen = {tuple(row.values()) for _, row in bench.rows("gpu1.processes")}
    assert seen == {(1, "5"), (None, None)}


async def test_the_provenance_of_a_board(bench: Bench):
    sampler = await bench.run("", seconds=0.05)
    board = sampler.provenance["devices"][0]
    assert board["name"] == "Fake hopper"
    assert board["driver"] == "580.00.00"
    assert (board["vbios"], board["compute_capability"]) == ("96.00.00.00.01", "9.0")
    assert (board["power_limit_watts"], board["power_limit_range_watts"]) == (700.0, [200.0, 700.0])
    assert (board["ecc"], board["mig"], board["persistence"]) == (True, False, True)
    assert sampler.descriptors["gpu0"].device == board["uuid"]
    assert sampler.provenance["simulated"] is False


async def test_a_square_wave_is_seen_by_the_fields_as_the_sensor_sees_it(bench: Bench):
    await bench.run("signal=square;period=0.4;low=100;high=600", seconds=1.5)
    assert {100.0, 600.0} <= set(bench.column("power_instant_watts"))
    average = bench.column("power_average_watts")[-1]
    assert 300 <= average <= 400, "a second holds two periods and a half of it"
    joules = bench.column("energy_joules")
    assert all(later >= earlier for earlier, later in pairwise(joules))


async def test_before_ampere_power_usage_stands_in_for_the_instant_field(bench: Bench):
    sampler = await bench.run("profile=volta;high=250", seconds=0.1)
    fast = sampler.descriptors["gpu0"]
    assert list(fast.columns) == ["power_instant_watts", "energy_joules"]
    assert fast.unsupported == {"power_average_watts": "Not Supported"}
    assert set(bench.column("power_instant_watts")) == {250.0}


async def test_pascal_has_no_counter(bench: Bench):
    sampler = await bench.run("profile=pascal;high=250", seconds=0.1)
    fast = sampler.descriptors["gpu0"]
    assert list(fast.columns) == ["power_instant_watts"]
    assert set(fast.unsupported) == {"power_average_watts", "energy_joules"}


async def test_on_newer_boards_power_usage_is_an_average_and_never_instant(bench: Bench):
    sampler = await bench.run("profile=hopper;no=186,185;high=250", seconds=0.1)
    fast = sampler.descriptors["gpu0"]
    assert list(fast.columns) == ["power_average_watts", "energy_joules"]
    assert fast.unsupported == {"power_instant_watts": "Not Supported"}
    assert set(bench.column("power_average_watts")) == {250.0}


async def test_on_ga100_power_usage_is_instant(bench: Bench):
    sampler = await bench.run("profile=ampere100;no=186", seconds=0.1)
    assert list(sampler.descriptors["gpu0"].columns) == ["power_instant_watts", "energy_joules"]


async def test_a_board_that_does_not_say_what_it_is_gets_the_weaker_promise(bench: Bench):
    sampler = await bench.run("profile=hopper;no=186,185,capability", seconds=0.1)
    assert list(sampler.descriptors["gpu0"].columns) == ["power_average_watts", "energy_joules"]


async def test_a_counter_that_is_no_field_is_read_by_its_own_call(bench: Bench):
    sampler = await bench.run("no=83;base_mj=7000", seconds=0.1)
    assert tuple(sampler.descriptors["gpu0"].columns) == FAST_LANE
    assert bench.column("energy_joules")[0] >= 7.0


async def test_a_driver_without_field_values(bench: Bench):
    sampler = await bench.run("no=field_values", seconds=0.1)
    assert list(sampler.descriptors["gpu0"].columns) == ["power_average_watts", "energy_joules"]
    assert "memory_temperature_celsius" in sampler.descriptors["gpu0.slow"].unsupported


async def test_a_board_without_any_sensor_says_so(bench: Bench, fake_nvml: Script):
    fake_nvml("profile=none;no=temperature,clock,utilization,memory,reasons,limit,processes")
    keep = bench.documents.append
    async with Sampler(source="nvml", clock_origin_ns=0, on_document=keep) as sampler:
        await asyncio.sleep(0.1)
    assert not sampler.descriptors["gpu0"].columns
    assert set(sampler.descriptors["gpu0"].unsupported) == set(FAST_LANE)
    assert set(sampler.descriptors["gpu0.slow"].unsupported) == set(SLOW_LANE)
    assert not [each for each in bench.documents if isinstance(each, Page) and each.stream.startswith("gpu0")]


async def test_what_the_slow_lane_lacks_is_absent_and_the_rest_is_there(bench: Bench):
    sampler = await bench.run("no=82,utilization,limit", seconds=0.3)
    slow = sampler.descriptors["gpu0.slow"]
    refused = {
        "memory_temperature_celsius",
        "utilization_percent",
        "memory_utilization_percent",
        "power_limit_watts",
    }
    assert set(slow.unsupported) == refused
    assert set(bench.rows("gpu0.slow")[0][1]) == set(SLOW_LANE) - refused


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("lost", "GPU is lost"),
        ("no=83;lost", "GPU is lost"),
        ("no=field_values;lost", "GPU is lost"),
        ("unknown", "Unknown"),
        ("timeout", "Timeout"),
        ("field_unknown", "Unknown"),
    ],
)
async def test_a_failure_for_a_while_is_missing_values_and_then_it_goes_on(bench: Bench, failure: str, words: str):
    await bench.run(f"{failure}=2.2:3.4;high=300", seconds=4.6)
    during = [values for t, values in bench.rows("gpu0") if 2.25 < t < 3.35]
    after = [values for t, values in bench.rows("gpu0") if t > 3.45]
    assert during
    assert after
    assert all(value is None for values in during for value in values.values())
    assert all(values["power_average_watts"] == 300.0 and None not in values.values() for values in after)
    assert [mark.kind for mark in bench.marks()] == [MarkKind.WARNING, MarkKind.NOTE]
    assert words in str(bench.marks()[0].text)


async def test_a_gpu_that_is_lost_in_the_slow_lane_too(bench: Bench):
    await bench.run("lost=2.2:2.8", seconds=3.6)
    temperatures = bench.column("temperature_celsius", "gpu0.slow")
    assert None in temperatures
    assert temperatures[-1] == 44


async def test_a_counter_reset_is_passed_on_as_it_is(bench: Bench):
    await bench.run("reset=2.2;high=300", seconds=2.9)
    joules = bench.column("energy_joules")
    assert joules[0] > 100_000
    assert joules[-1] < 1_000
    assert None not in joules


async def test_a_slow_driver_still_gives_100_hz_on_two_gpus(bench: Bench):
    async with bench.sampler("gpus=2;delay_us=500") as sampler:
        await bench.until(lambda: len(bench.rows("gpu0")) > 400 and len(bench.rows("gpu1")) > 400)
    assert [each["rate_hz"] for each in sampler.provenance["devices"]] == [100, 100]
    assert not [mark for mark in bench.marks() if "rate_hz" in mark.data], "nor was it lowered later"
    # On a busy machine the best of four seconds: what a slow driver costs, it costs in each.
    for stream in ("gpu0", "gpu1"):
        stamps = [t for t, _ in bench.rows(stream)]
        assert max((99 / (stamps[at + 99] - stamps[at]) for at in range(0, 400, 100)), default=0) >= 99
    assert min(bench.column("sampler_call_microseconds", "sampler")) >= 500
    assert min(bench.column("sampler_call_microseconds", "sampler.gpu1")) >= 500


async def test_gpus_are_chosen_by_index_or_uuid(bench: Bench):
    uuid = "GPU-00000000-0000-0000-0000-000000000000"
    sampler = await bench.run("gpus=3", seconds=0.05, gpus=[2, uuid])
    assert [each for each in sampler.descriptors if each.endswith(".slow")] == ["gpu0.slow", "gpu2.slow"]


async def test_one_board_may_lack_what_another_has(bench: Bench):
    sampler = await bench.run("gpus=2;gpu1.profile=pascal", seconds=0.1)
    assert tuple(sampler.descriptors["gpu0"].columns) == FAST_LANE
    assert list(sampler.descriptors["gpu1"].columns) == ["power_instant_watts"]


@pytest.mark.parametrize(
    ("script", "gpus", "message"),
    [
        ("gpus=0", [], "sees no GPU"),
        ("gpus=2", ["5"], r"no GPU is called '5'.*0 \(GPU-.*1 \(GPU-"),
        ("init=9", [], "kernel driver is not loaded.*modprobe"),
        ("init=4", [], "no permission.*/dev/nvidiactl"),
        ("init=18", [], "different versions.*reboot"),
        ("init=999", [], "refuses"),
    ],
)
async def test_no_usable_gpu_is_said_with_its_remedy(fake_nvml: Script, script: str, gpus: list[str], message: str):
    fake_nvml(script)
    with pytest.raises(NoDevice, match=message):
        await Sampler(source="nvml", clock_origin_ns=0, on_document=print, gpus=gpus).__aenter__()


async def test_no_driver_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path):
    (tmp_path / "libnvidia-ml.so.1").write_bytes(b"not a library")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    try:
        async with Sampler(source="nvml", clock_origin_ns=0, on_document=print):
            pytest.skip("this machine has a driver of its own")
    except NoDevice as error:
        assert "libnvidia-ml.so.1" in str(error) or "driver" in str(error)
