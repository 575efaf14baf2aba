"""Fifty lives of a simulated arm, ended in every way that there is, leave nothing behind."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine.arms.server import Launch, ServerArm
from engine.arms.simulated import simulated_launch
from engine.config import Demo, parse_demo
from engine.errors import ArmExited, ArmNotReady
from engine.occupancy import Occupancy
from integration.leaks import nothing_left, start_and_stop
from integration.processes import MARK, living

CYCLES = 50
ABREAST = 2
"""Python's own start is what takes the time; the machine has a few cores."""


@pytest.fixture
def demo() -> Demo:
    return parse_demo(
        "title: T\nmodel: {gpu: m}\narms: [{name: a, runtime: simulated}, {name: b, runtime: simulated}]", file="f"
    )


@pytest.fixture
def launch(demo: Demo, tmp_path: Path) -> Launch:
    Occupancy.create(tmp_path / "occupancy").close()
    return simulated_launch(demo, demo.arms[0], slot=0, occupancy=tmp_path / "occupancy")


@pytest.mark.timeout(300)
async def test_fifty_starts_and_stops_leave_nothing(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start_and_stop(launch, set(), tmp_path / "log")  # what is opened once and kept, is by now
    async with nothing_left(monkeypatch) as ports:
        for _ in range(CYCLES // ABREAST):
            await asyncio.gather(*(start_and_stop(launch, ports, tmp_path / "log") for _ in range(ABREAST)))
    assert len(ports) > CYCLES // 2, "the kernel deals them anew"


async def test_lives_that_end_badly_leave_nothing(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start_and_stop(launch, set(), tmp_path / "log")
    async with nothing_left(monkeypatch) as ports:
        await start_and_stop(launch, ports, tmp_path / "log")
        for environment, error in (
            ({"WATTRACE_SIM_FAIL_START": "1"}, ArmExited),
            ({"WATTRACE_SIM_STARTUP_SECONDS": "60"}, ArmNotReady),
        ):
            arm = ServerArm("A", Launch(launch.command, launch.model, 2.0, env=environment), log=tmp_path / "log")
            with pytest.raises(error):
                await arm.start()
            await arm.stop()
        arm = ServerArm("A", launch, log=tmp_path / "log")
        await arm.start()
        assert arm.process is not None
        (server,) = (pid for pid, line in living(os.environ[MARK]).items() if "engine.leash" not in line)
        os.kill(server, signal.SIGKILL)
        assert "was killed by SIGKILL" in str(await arm.died())
        await arm.stop()
