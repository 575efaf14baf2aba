"""The real sampler process, through the race's side of it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from engine.clock import NS
from engine.documents import Descriptor, Mark, Page
from engine.errors import DeviceError, NoDevice, SamplerDied
from engine.occupancy import Load, Occupancy
from engine.sampling import Sampler

pytestmark = pytest.mark.alone


class Race:
    """Collects what a sampler delivers."""

    def __init__(self) -> None:
        self.documents: list[object] = []
        self.origin_ns = time.monotonic_ns()

    def sampler(self, **options: object) -> Sampler:
        options = {"source": "simulated", "seed": 7, **options}
        return Sampler(clock_origin_ns=self.origin_ns, on_document=self.documents.append, **options)

    def pages(self, stream: str) -> list[Page]:
        return [each for each in self.documents if isinstance(each, Page) and each.stream == stream]

    def stamps(self, stream: str = "gpu0") -> list[int]:
        return [t for page in self.pages(stream) for t in page.t_ns]


async def until(condition, seconds: float = 5.0) -> None:
    """Wait until `condition()` holds; a failure says what did not happen in time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_it_delivers_descriptors_first_and_then_pages_of_every_stream():
    race = Race()
    async with race.sampler() as sampler:
        assert not race.documents, "the race's own start document must be able to come first"
        streams = ["gpu0", "gpu0.slow", "gpu0.processes", "sampler", "sampler.process"]
        assert list(sampler.descriptors) == streams
        assert sampler.provenance["simulated"] is True
        assert sampler.provenance["devices"][0]["uuid"] == "SIM-7"
        await until(lambda: all(race.pages(stream) for stream in streams))
    assert all(isinstance(each, Descriptor) for each in race.documents[:5])
    assert not any(isinstance(each, Descriptor) for each in race.documents[5:])
    for stream, descriptor in sampler.descriptors.items():
        assert all(set(page.data) == set(descriptor.columns) for page in race.pages(stream))


async def test_it_keeps_100_hz_and_its_stamps_never_fall():
    race = Race()
    async with race.sampler():
        await until(lambda: len(race.stamps()) > 200)
    stamps = race.stamps()
    assert all(earlier < later for earlier, later in pairwise(stamps))
    assert 0 < stamps[0] < stamps[-1] < time.monotonic_ns() - race.origin_ns
    # On a busy machine deadlines may be missed, but they are never made up for.
    seconds = (stamps[-1] - stamps[0]) / NS
    assert 75 * seconds < len(stamps) <= 100 * seconds + 2


async def test_a_race_whose_loop_is_blocked_for_200_ms_loses_not_one_sample():
    race, blocked = Race(), list[tuple[int, int]]()
    async with race.sampler():
        for _ in range(5):
            before = len(race.stamps())
            await until(lambda before=before: len(race.stamps()) > before + 30)
            begun = time.monotonic_ns() - race.origin_ns
            time.sleep(0.2)
            blocked.append((begun, time.monotonic_ns() - race.origin_ns))
    assert not [each for each in race.documents if isinstance(each, Mark)]
    rows = [row for page in race.pages("sampler") for row in zip(page.t_ns, *page.data.values(), strict=True)]
    due = [begun - round(late * 1000) for begun, late, _ in rows]
    passed_over = [later for earlier, later in pairwise(due) if later - earlier > 15_000_000]
    assert len(due) == len(race.stamps()) > 150
    # A busy machine may hold the sampler itself up; what our being blocked costs, it would cost each time.
    assert any(not [at for at in passed_over if begun <= at <= over + NS // 50] for begun, over in blocked)


async def test_watts_follow_the_arms(tmp_path: Path):
    arms = Occupancy.create(tmp_path / "occupancy")
    race = Race()

    def watts() -> float:
        pages = race.pages("gpu0")
        return pages[-1].data["power_instant_watts"][-1] if pages else 0

    async with race.sampler(occupancy=tmp_path / "occupancy"):
        await until(lambda: 70 < watts() < 80)
        arms.write(0, Load(running=8, memory_share=1.0))
        await until(lambda: watts() > 290)
    arms.close()


async def test_leaving_writes_the_last_pages():
    race = Race()
    async with race.sampler() as sampler:
        await until(lambda: len(race.stamps()) > 20)
        left_ns = time.monotonic_ns() - race.origin_ns
    assert not is_running(sampler.pid)
    assert race.stamps()[-1] > left_ns - NS // 2
    assert race.pages("sampler.process"), "its own cost is told even when it ran for less than a second"
    assert not [each for each in race.documents if isinstance(each, Mark)]


async def test_its_death_is_noticed():
    race = Race()
    async with race.sampler() as sampler:
        await until(lambda: race.pages("gpu0"))
        os.kill(sampler.pid, signal.SIGKILL)
        async with asyncio.timeout(1):
            with pytest.raises(SamplerDied, match="killed by SIGKILL"):
                await sampler.wait()


async def test_a_death_that_nobody_waited_for_is_raised_on_leaving():
    race = Race()
    with pytest.raises(SamplerDied):
        async with race.sampler() as sampler:
            os.kill(sampler.pid, signal.SIGKILL)
            await until(lambda: not is_running(sampler.pid))


async def test_a_failure_of_the_body_is_not_covered_up():
    with pytest.raises(ZeroDivisionError):
        async with Race().sampler() as sampler:
            os.kill(sampler.pid, signal.SIGKILL)
            raise ZeroDivisionError
    assert not is_running(sampler.pid)


async def test_a_failing_recorder_stops_the_race_and_not_silently():
    def full(document: object) -> None:
        raise OSError(28, "No space left on device")

    async with Sampler(source="simulated", clock_origin_ns=0, on_document=full) as sampler:
        with pytest.raises(OSError, match="No space left"):
            await sampler.wait()
    assert not is_running(sampler.pid)


async def test_a_sampler_that_does_not_end_is_killed_and_the_race_is_told():
    race = Race()
    async with race.sampler(stop_seconds=0.2) as sampler:
        await until(lambda: race.pages("gpu0"))
        os.kill(sampler.pid, signal.SIGSTOP)
    assert not is_running(sampler.pid)
    assert "was killed" in str(race.documents[-1].text)


CUT_OFF = """
import sys, time
print('{"provenance":{},"streams":["gpu0"]}')
print('{"type":"descriptor","stream":"gpu0","t_ns":1,"source":"nvml","columns":{}}')
print('{"type":"page","stream":"gpu0","t_ns":[1],"data":{"power_instant_watts":[100.0]}}', flush=True)
sys.stdin.read()
print('{"type":"page","stream":"gpu0","t_ns":[2],"da', end="", flush=True)
time.sleep(60)
"""


async def test_the_last_line_of_a_killed_sampler_may_be_a_part_of_one():
    race = Race()
    sampler = race.sampler(stop_seconds=0.5)
    sampler._command = [sys.executable, "-c", CUT_OFF]
    async with sampler:
        await until(lambda: race.pages("gpu0"))
    assert race.stamps() == [1] and "was killed" in str(race.documents[-1].text)


async def test_signals_for_the_whole_terminal_do_not_end_it():
    race = Race()
    async with race.sampler() as sampler:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(sampler.pid, number)
        before = len(race.stamps())
        await until(lambda: len(race.stamps()) > before + 20)


async def test_no_device_is_said_with_its_remedy_and_leaves_no_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nonexistent")
    sampler = Race().sampler(source="simulated", occupancy=Path("/nonexistent/occupancy"))
    with pytest.raises(NoDevice, match=r"/nonexistent/occupancy.*Occupancy\.create"):
        await sampler.__aenter__()
    assert not is_running(sampler.pid)


async def test_a_sampler_that_cannot_even_start_says_why():
    with pytest.raises(SamplerDied, match=r"status 2.*--rate 5"):
        await Race().sampler(rate_hz=5).__aenter__()


async def test_a_driver_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("engine.sampling.START_SECONDS", 0.0)
    with pytest.raises(DeviceError, match="has not answered"):
        await Race().sampler().__aenter__()


async def test_a_race_that_is_cancelled_takes_it_along():
    race, entered = Race(), asyncio.Event()
    pids = []

    async def body() -> None:
        async with race.sampler() as sampler:
            pids.append(sampler.pid)
            entered.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(body())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_running(pids[0])


PARENT = """
import asyncio, os, time
from engine.sampling import Sampler

async def main():
    async with Sampler(source="simulated", clock_origin_ns=0, on_document=lambda document: None) as sampler:
        print(sampler.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_it_dies_with_its_parent():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
    await until(lambda: not is_running(pid), seconds=1)


def test_a_sampler_whose_parent_is_another_ends_at_once():
    command = [sys.executable, "-P", "-m", "engine.sampler", "--source", "simulated", "--parent", "1"]
    done = subprocess.run(command, check=False, stdin=subprocess.PIPE, capture_output=True, timeout=20)
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_race_that_does_not_read_for_a_while_gets_the_rest_later():
    command = [sys.executable, "-P", "-m", "engine.sampler", "--source", "simulated", "--rate", "1000"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        time.sleep(1)
        output, _ = child.communicate(timeout=20)
    assert child.returncode == 0
    assert b'"page"' in output
    assert output.endswith(b"}\n")
