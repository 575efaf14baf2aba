"""Commands as arms, and how they misbehave: deaf, failing, silent, flooding, killed."""

import asyncio
import os
import sys
import tracemalloc
from pathlib import Path

import pytest

from engine.arms.process import ArmProcess
from engine.documents import Page
from engine.errors import ArmError
from integration.acts import commands, turn, turn_until_it_speaks, until
from integration.staging import descendants, staged


async def test_a_command_that_ends_with_its_work_has_a_whole_turn(tmp_path: Path) -> None:
    code = "import sys\nprint('step 2')\nprint('noise')\nprint('step 5')\nprint('step 9', file=sys.stderr)"
    async with staged(tmp_path, commands(code)) as stage:
        load = await turn(stage)
        assert load.complete and load.begun_ns < load.cutoff_ns <= load.drained_ns
        assert sum(stage.rows("progress.A", "units")) == 9 and stage.rows("progress.A", "text")[-1] == "step 9"
        again = await turn(stage)
        assert again.complete and sum(stage.rows("progress.A", "units")) == 18, "each turn starts it afresh"
        assert not stage.deaths and stage.plan.arm_infos({})[0].unit == "step"
    assert stage.states("A") == ["starting", "ready", "stopped"]
    assert (tmp_path / "log.A.log").read_text().count("noise") == 2


async def test_cut_short_it_is_asked_to_end_before_its_time(tmp_path: Path) -> None:
    code = "import time\nprint('step 1', flush=True)\nwhile True: time.sleep(1)"
    async with staged(tmp_path, commands(code)) as stage:
        entrant, cut = stage.lineup.entrants["A"], asyncio.Event()
        await entrant.wake()
        running = asyncio.create_task(entrant.round(1, stage.in_seconds(600), cut=cut))
        await until(lambda: stage.rows("progress.A", "text"))
        cut.set()
        load = await running
        assert load.cut and not load.complete and load.problem is None and not stage.deaths


async def test_at_the_cutoff_it_is_asked_to_end(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('step 50', flush=True), sys.exit(3)))\n"
        "print('step 1', flush=True)\n"
        "while True: time.sleep(1)"
    )
    async with staged(tmp_path, commands(code)) as stage:
        load = await turn_until_it_speaks(stage)
        assert load.complete, "what it says when it is told to end is no failure"
        assert stage.rows("progress.A", "text") == ["step 1", "step 50"]
        assert load.drained_ns > load.cutoff_ns and not descendants(os.getpid()) and not stage.deaths


async def test_one_that_does_not_listen_is_killed_with_all_it_started(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print('step', child.pid, flush=True)\n"
        "while True: time.sleep(1)"
    )
    async with staged(tmp_path, commands(code)) as stage:
        over = asyncio.Event()
        running = asyncio.create_task(turn(stage, over))
        await until(lambda: stage.rows("progress.A", "text"))
        child = int(stage.rows("progress.A", "text")[0].split()[1])
        assert child in descendants(os.getpid()) and stage.lineup.ours({child, 1}) == {child}
        assert stage.lineup.entrants["A"].running == 1
        over.set()
        assert (await running).complete
        assert not Path(f"/proc/{child}").exists()


async def test_a_failure_is_told_with_its_last_words(tmp_path: Path) -> None:
    code = "print('step 1', flush=True)\nraise ValueError('no more paper')"
    async with staged(tmp_path, commands(code)) as stage:
        load = await turn(stage)
        assert load.problem is not None and "exited with status 1; ValueError: no more paper" in load.problem
        await until(lambda: stage.deaths)
        assert stage.deaths[0].arm == "A" and "no more paper" in str(stage.deaths[0])
        assert any("Traceback" in line for line in stage.deaths[0].log_tail)
        with pytest.raises(ArmError, match="no more paper"):
            await stage.lineup.entrants["A"].wake()
        assert (await turn(stage, label="B")).complete, "the other one goes on"
    assert stage.states("A")[-1] == "failed" and stage.states("B")[-1] == "stopped"


async def test_a_command_may_fail_as_often_as_its_demo_says(tmp_path: Path) -> None:
    flag = tmp_path / "failed_before"
    code = f"import pathlib, sys\nprint('step 1')\nflag = pathlib.Path({str(flag)!r})\n"
    code += "if not flag.exists():\n    flag.touch()\n    sys.exit('once')"
    again = "  restart: {times: 1, backoff_seconds: 0.1}\n"
    async with staged(tmp_path, commands(code, more=again)) as stage:
        assert "once" in (await turn(stage)).problem
        await until(lambda: stage.states("A")[-1] == "ready")
        assert (await turn(stage)).complete and not stage.deaths
    assert stage.states("A") == ["starting", "ready", "failed", "starting", "ready", "stopped"]


async def test_a_commands_failure_is_told_in_plain_words(tmp_path: Path) -> None:
    code = "print('step 1', flush=True)\nraise RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')"
    async with staged(tmp_path, commands(code)) as stage:
        problem = (await turn(stage)).problem
        assert problem is not None and "; its device is out of memory: give it a smaller model or batch" in problem


async def test_a_command_that_says_nothing_is_no_whole_turn(tmp_path: Path) -> None:
    async with staged(tmp_path, commands("print('hello')")) as stage:
        load = await turn(stage)
        assert load.problem is not None and "stdbuf -oL" in load.problem and not stage.deaths


async def test_a_flood_of_lines_becomes_few_rows_and_no_line_is_lost(tmp_path: Path) -> None:
    code = "import sys\nfor n in range(1, 500001): sys.stdout.write(f'step {n}\\n'); n % 7 or sys.stdout.flush()"
    async with staged(tmp_path, commands(code)) as stage:
        load = await turn(stage)
        assert load.complete and sum(stage.rows("progress.A", "units")) == 500_000
        pages = [page for page in stage.told if isinstance(page, Page) and page.stream == "progress.A"]
        seconds = (load.drained_ns - load.begun_ns) / 1e9
        assert len(stage.rows("progress.A", "units")) <= 100 * seconds + 2
        assert len(pages) <= 20 * seconds + 2
    assert (tmp_path / "race.jsonl").stat().st_size < 1_000_000


async def test_rubbish_is_survived(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "out = sys.stdout.buffer\n"
        "out.write(os.urandom(300_000) + b'\\n' + b'step 1\\r' + b'step 2\\r\\n' + b'x' * 5_000_000 + b'\\n')\n"
        "out.write(b'\\x00' * 100_000 + b'\\nstep 7\\n' + b'step 9')"
    )
    async with staged(tmp_path, commands(code)) as stage:
        assert (await turn(stage)).complete
        assert sum(stage.rows("progress.A", "units")) == 9, "a last line without its end counts, too"


async def test_what_is_printed_without_an_end_does_not_pile_up() -> None:
    code = "import sys\nfor _ in range(2000): sys.stdout.write('x' * 50_000)"
    process = ArmProcess([sys.executable, "-c", code], env={})
    tracemalloc.start()
    try:
        await process.start()
        await process.exited.wait()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        await process.stop()
    assert process.code == 0 and peak < 8_000_000, "of 100 MB printed little was ever in memory"
    assert max(map(len, process.tail)) <= 65536


async def test_a_killed_command_is_a_failure_too(tmp_path: Path) -> None:
    code = "import os, signal\nprint('step 1', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    async with staged(tmp_path, commands(code)) as stage:
        assert "was killed by SIGKILL" in (await turn(stage)).problem


async def test_a_turn_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    code = "import time\nprint('step 1', flush=True)\ntime.sleep(600)"
    async with staged(tmp_path, commands(code)) as stage:
        running = asyncio.create_task(turn(stage))
        await until(lambda: stage.rows("progress.A", "text"))
        assert len(descendants(os.getpid())) == 2, "the leash and the command"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert not descendants(os.getpid())


async def test_the_simulated_gpu_follows_a_command(tmp_path: Path) -> None:
    code = "import time\nprint('step 1', flush=True)\ntime.sleep(600)"
    async with staged(tmp_path, commands(code)) as stage:
        assert stage.plan.occupancy is not None
        running = asyncio.create_task(turn(stage))
        await until(lambda: stage.plan.occupancy.read(0).running == 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await until(lambda: stage.plan.occupancy.read(0).running == 0)
