"""Our own servers as arms: restarts, metrics, sleep between turns, and ends that are noticed."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.arms.loading import Progress
from engine.arms.process import ArmProcess
from engine.arms.server import Launch, ServerArm
from engine.clock import NS
from engine.documents import MarkKind, Page
from engine.entrants import CommandEntrant, ServedEntrant
from engine.errors import ArmError, ArmExited
from integration.acts import GOOD, SMALL, commands, turn, until
from integration.staging import Stage, descendants, staged

SIMULATED = """
- {{name: one, runtime: simulated, args: {{max_num_seqs: 2}}{more}}}
- {{name: two, runtime: simulated, args: {{max_num_seqs: 2}}}}
"""


async def test_a_server_that_dies_is_started_again_where_its_demo_says(tmp_path: Path) -> None:
    arms = SIMULATED.format(more=", restart: {times: 2, backoff_seconds: 0.1}")
    async with staged(tmp_path, arms, more="model: {gpu: m}\n" + SMALL, simulate=True) as stage:
        for _ in range(2):
            assert (await turn(stage, 0.5)).complete
            before = stage.states("A").count("ready")
            kill_server(stage, "A")
            await until(lambda: stage.states("A")[-1] == "failed")
            assert (await turn(stage, 0.5)).complete, "waking it waited until it was up again"
            assert stage.states("A").count("ready") == before + 1 and not stage.deaths
        flags = [mark for mark in stage.marks(MarkKind.WARNING) if mark.data.get("code") == "foreign_process"]
        assert len(flags) == 2 and all(flag.data["device"] == "gpu0" for flag in flags)
        told = [mark for mark in stage.marks(MarkKind.ARM) if mark.arm == "A"]
        waits = [two.t_ns - one.t_ns for one, two in pairwise(told) if (one.state, two.state) == ("failed", "starting")]
        assert waits[0] >= 0.1 * NS and waits[1] >= 0.2 * NS, "the wait doubles"
        kill_server(stage, "A")
        await until(lambda: stage.deaths)
        assert "was killed by SIGKILL" in str(stage.deaths[0])
        with pytest.raises(ArmError):
            await stage.lineup.entrants["A"].wake()


async def test_a_server_that_dies_while_the_next_one_starts_is_noticed(tmp_path: Path) -> None:
    arms = (
        "- {name: one, runtime: simulated, env: {WATTRACE_SIM_DIE_AFTER_SECONDS: '0.2'}}\n"
        "- {name: two, runtime: simulated, env: {WATTRACE_SIM_STARTUP_SECONDS: '2'}}\n"
    )
    async with staged(tmp_path, arms, more="model: {gpu: m}", simulate=True) as stage:
        assert [death.arm for death in stage.deaths] == ["A"], "told before the other was ready"


async def test_an_arms_metrics_are_polled_often_only_in_its_turn(tmp_path: Path) -> None:
    more = "model: {gpu: m}\n" + SMALL
    async with staged(tmp_path, SIMULATED.format(more=""), more=more, simulate=True) as stage:
        before = {label: len(stage.rows(f"vllm.{label}", "running_requests")) for label in "AB"}
        await turn(stage, 3.0)
        active, resting = (len(stage.rows(f"vllm.{label}", "running_requests")) - before[label] for label in "AB")
        # Polls for which the loop comes too late are left out, so a busy machine has fewer; never more.
        assert 10 <= active <= 17 and 2 <= resting <= 4, "five times a second, and once"


def kill_server(stage: Stage, label: str) -> None:
    """Kill the server itself, not its leash."""
    slot = f"--slot {stage.plan.demo.labels.index(label)} "
    [server] = [pid for pid, line in descendants(os.getpid()).items() if slot in line and "engine.leash" not in line]
    os.kill(server, signal.SIGKILL)


async def test_a_start_after_a_death_tells_of_itself_alone(tmp_path: Path) -> None:
    """What the first start had come to, and what its log had told, is nothing of the second's."""
    told: list[Progress] = []
    file, code = tmp_path / "line", f"import sys; sys.exit(open({str(tmp_path / 'line')!r}).read())"
    arm = ServerArm("A", Launch([sys.executable, "-c", code], "m", ready_seconds=60), on_progress=told.append)
    for line in ("Loading safetensors checkpoint shards: 100% Completed", "GPU KV cache size: 4,096 tokens", "hello"):
        file.write_text(line)
        with pytest.raises(ArmExited):
            await arm.start()
        await arm.stop()
    assert [progress.stage for progress in told] == ["loading weights", "sizing the cache"]
    assert arm.progress.stage == "configuring" and arm.logged == {}


BY_TURNS = """
- {{name: one, args: {{max_num_seqs: 2, gpu_memory_utilization: 0.6}}{more}}}
- {{name: two, args: {{max_num_seqs: 2, gpu_memory_utilization: 0.7}}}}
"""


@contextlib.asynccontextmanager
async def sensed(stage: Stage):
    """The memory of the simulated GPU, told five times a second as the sampler does."""

    async def tell() -> None:
        while True:
            held: list[Any] = [stage.plan.occupancy.held_bytes()]
            page = Page(stream="gpu0.slow", t_ns=[stage.narrator.clock.now_ns()], data={"memory_used_bytes": held})
            stage.narrator.emit(page)
            await asyncio.sleep(0.2)

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()


async def test_arms_that_do_not_fit_beside_each_other_sleep_between_their_turns(tmp_path: Path) -> None:
    more = "model: {gpu: m}\n" + SMALL
    async with staged(tmp_path, BY_TURNS.format(more=""), more=more, simulate=True, around=sensed) as stage:
        assert [arm.least_freed_bytes for arm in stage.plan.arms] == [0.3 * 80e9, 0.35 * 80e9]
        held = stage.plan.occupancy.held_bytes
        assert stage.states("A")[-1] == stage.states("B")[-1] == "asleep" and held() == 2 * 1.1e9
        for label, own in (("A", 0.6), ("B", 0.7), ("A", 0.6)):
            assert (await turn(stage, 0.5, label)).complete, "waking is telling its first token"
            assert held() == own * 80e9 + 1.1e9, "the other one sleeps on"
            await stage.lineup.entrants[label].rest()
            assert stage.states(label)[-1] == "asleep" and held() == 2 * 1.1e9
        slept = [mark for mark in stage.marks(MarkKind.ARM) if mark.state == "asleep"]
        assert [mark.arm for mark in slept] == ["A", "B", "A", "B", "A"]
        assert all("GiB freed" in (mark.text or "") for mark in slept)
        assert [mark.data["freed_bytes"] for mark in slept[:2]] == [0.6 * 80e9 - 1.1e9, 0.7 * 80e9 - 1.1e9]


async def test_an_arm_that_only_says_that_it_sleeps_is_refused(tmp_path: Path) -> None:
    vain, more = ", env: {WATTRACE_SIM_SLEEP_IN_VAIN: '1'}", "model: {gpu: m}\n" + SMALL
    with pytest.raises(ArmError, match=r"it says that it sleeps, and only 0\.00 GiB became free; give the arms less"):
        async with staged(tmp_path, BY_TURNS.format(more=vain), more=more, simulate=True, around=sensed):
            pass
    assert b'"failed"' in (tmp_path / "race.jsonl").read_bytes() and not descendants(os.getpid())


async def test_an_end_is_noticed_though_an_orphan_keeps_its_output_open() -> None:
    """The leash is killed, and what its command started is in a session of its own, which nothing ends with it."""
    orphan = "import time; time.sleep(600)"
    code = f"import subprocess, sys, time\nchild = subprocess.Popen([sys.executable, '-c', {orphan!r}], "
    code += "start_new_session=True)\nprint('orphan', child.pid, flush=True)\ntime.sleep(600)"
    process = ArmProcess([sys.executable, "-c", code], env={})
    await process.start()
    child = 0
    try:
        await until(lambda: process.tail)
        child = int(process.tail[0].split()[1])
        begun = time.monotonic()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.wait_for(process.exited.wait(), 10)
        assert time.monotonic() - begun < 1 and process.code == -signal.SIGKILL
        assert Path(f"/proc/{child}").exists(), "else this would show nothing"
    finally:
        await process.stop()
        if child:
            os.kill(child, signal.SIGKILL)


async def test_the_lineup_knows_its_kinds(tmp_path: Path) -> None:
    arms = "- {name: one, runtime: simulated}\n- {name: two, runtime: simulated, gpus: [1]}\n"
    async with staged(tmp_path, arms, more="model: {gpu: m}\nschedule: {mode: parallel}", simulate=True) as stage:
        assert all(isinstance(entrant, ServedEntrant) for entrant in stage.lineup.entrants.values())
        assert [info.devices for info in stage.narrator.ledger.start.arms] == [["gpu0"], ["gpu1"]]
        mine = set(descendants(os.getpid()))
        assert len(mine) >= 4, "two servers on their leashes"
        assert stage.lineup.ours({*mine, os.getpid(), os.getppid(), 1}) == {*mine, os.getpid()}
    async with staged(tmp_path / "commands", commands(GOOD)) as stage:
        assert all(isinstance(entrant, CommandEntrant) for entrant in stage.lineup.entrants.values())
