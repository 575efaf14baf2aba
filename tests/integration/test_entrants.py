"""Real arms of every runtime, as a race has them: commands that misbehave, servers that speak the API badly."""

import asyncio
import contextlib
import os
import signal
import sys
import time
import tracemalloc
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
from engine.errors import ArmError, ArmExited, ArmNotReady, ArmUnavailable
from integration.staging import RudeServer, Stage, descendants, staged

KEY = "sk-a-very-secret-key-0123456789"
GOOD = "print('step 1', flush=True)"


def commands(first: str, second: str = GOOD, more: str = "") -> str:
    """Two command arms that run Python programs; the first has `more` keys."""
    progress = "progress: {unit: step, pattern: 'step (?P<done>[0-9]+)'}"
    arms = []
    for name, code, extra in (("one", first, more), ("two", second, "")):
        block = "\n".join(f"      {line}" for line in code.splitlines())
        arms.append(
            f"- name: {name}\n  runtime: command\n  {progress}\n{extra}"
            f"  command:\n  - '{{python}}'\n  - -c\n  - |\n{block}\n"
        )
    return "".join(arms)


async def turn(stage: Stage, until: float | asyncio.Event = 30.0, label: str = "A"):  # type: ignore[no-untyped-def]
    entrant = stage.lineup.entrants[label]
    await entrant.wake()
    return await entrant.round(1, until if isinstance(until, asyncio.Event) else stage.in_seconds(until))


async def turn_until_it_speaks(stage: Stage):  # type: ignore[no-untyped-def]
    over = asyncio.Event()
    running = asyncio.create_task(turn(stage, over))
    await until(lambda: stage.rows("progress.A", "text"))
    over.set()
    return await running


async def until(condition) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


# -- commands


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


# -- servers of others


def servers(*urls: str, more: str = "") -> str:
    return "".join(f"- {{name: s{n}, runtime: openai, url: '{url}'{more}}}\n" for n, url in enumerate(urls))


SMALL = "workload: {max_tokens: 16, concurrency: 2}"


@pytest.mark.parametrize("modes", [(), ("dribbles",), ("odd-models",), ("loading",)])
async def test_a_server_that_is_merely_odd_is_an_arm(tmp_path: Path, modes: tuple[str, ...]) -> None:
    with RudeServer(*modes) as server:
        async with staged(tmp_path, servers(server.url, server.url), more=SMALL) as stage:
            load = await turn(stage, 0.5)
            assert load.complete and load.finished and not load.estimated
            entrant = stage.lineup.entrants["A"]
            assert isinstance(entrant, ServedEntrant)
            assert entrant.strangers == {server.process.pid}, "found behind its port"
            [ready] = [mark for mark in stage.marks(MarkKind.ARM) if mark.arm == "A" and mark.state == "ready"]
            assert ready.data["effective"] == {"told_by": "arguments", "url": server.url, "model": "rude"}
        assert server.process.poll() is None, "it is not ours to end"
    finished = [mark for mark in stage.marks(MarkKind.REQUEST_FINISHED) if mark.arm == "A"]
    assert {mark.data["completion_tokens"] for mark in finished} == {7}, "as its usage says"
    assert not [mark for mark in stage.marks(MarkKind.WARNING) if mark.data.get("code") == "remote_server"]


@pytest.mark.parametrize(("mode", "tokens"), [("silent-usage", 6), ("refuses-options", 6), ("fat-chunks", 12)])
async def test_without_exact_usage_chunks_are_counted_and_said_to_be(tmp_path: Path, mode: str, tokens: int) -> None:
    with RudeServer(mode) as server:
        async with staged(tmp_path, servers(server.url, server.url), more=SMALL) as stage:
            load = await turn(stage, 0.5)
            assert load.complete and load.finished and load.estimated
            reasons = stage.narrator.ledger.summaries()[0]["reasons"]
    finished = stage.marks(MarkKind.REQUEST_FINISHED)
    assert {(mark.data["completion_tokens"], mark.data["estimated"]) for mark in finished} == {(tokens, True)}
    assert "estimated_tokens" in reasons


async def test_a_server_without_a_list_needs_its_model_named(tmp_path: Path) -> None:
    with RudeServer("no-models") as server:
        with pytest.raises(ArmUnavailable, match=r"lists no model \(HTTP 404\); name its model in the arm's model"):
            async with staged(tmp_path, servers(server.url, server.url)):
                pass
        async with staged(tmp_path / "named", servers(server.url, server.url, more=", model: rude")) as stage:
            assert stage.states("A") == ["starting", "ready"]
        with pytest.raises(ArmError, match=r"first request failed: HTTP 404: .*no model rudest"):
            async with staged(tmp_path / "wrong", servers(server.url, server.url, more=", model: rudest")):
                pass


async def test_of_several_models_one_must_be_named(tmp_path: Path) -> None:
    with RudeServer("many-models") as server:
        with pytest.raises(ArmUnavailable, match="serves several models: rude, ruder; name one"):
            async with staged(tmp_path, servers(server.url, server.url)):
                pass
        async with staged(tmp_path / "named", servers(server.url, server.url, more=", model: ruder")) as stage:
            assert stage.lineup.entrants["B"].running == 0


async def test_where_nobody_answers_the_url_is_named(tmp_path: Path) -> None:
    with RudeServer() as server:
        url = server.url
    with pytest.raises(ArmNotReady, match=rf"nothing answers at {url}: .*; start that server, or correct the url"):
        async with staged(tmp_path, servers(url, url)):
            pass


async def test_a_key_that_is_not_set_is_missed_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ArmUnavailable, match=r"the variable NO_SUCH_KEY .* is not set; export NO_SUCH_KEY="):
        async with staged(
            tmp_path, servers("http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1", more=", api_key_env: NO_SUCH_KEY")
        ):
            pass


async def test_the_key_gets_in_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with RudeServer("key", RUDE_KEY=KEY) as server:
        with pytest.raises(ArmUnavailable, match=r"refuses requests without a key .*HTTP 401.*api_key_env"):
            async with staged(tmp_path, servers(server.url, server.url)):
                pass
        async with staged(tmp_path / "in", servers(server.url, server.url, more=", api_key_env: MY_KEY")) as stage:
            assert (await turn(stage, 0.5)).complete
            assert KEY not in repr(stage.plan) + repr(vars(stage.lineup.entrants["A"]))
    assert all(KEY not in file.read_text() for file in (tmp_path / "in").glob("*.jsonl"))
    assert KEY not in caplog.text


async def test_a_key_that_a_server_sends_back_is_struck_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with RudeServer("tells-key") as server, pytest.raises(ArmError, match=r"something broke.*\*\*\*") as caught:
        async with staged(tmp_path, servers(server.url, server.url, more=", api_key_env: MY_KEY")):
            pass
    assert KEY not in str(caught.value) and KEY not in repr(caught.value)
    recorded = (tmp_path / "race.jsonl").read_text()
    assert "something broke" in recorded and KEY not in recorded
    with (
        RudeServer("key", RUDE_KEY="another") as server,
        pytest.raises(ArmUnavailable, match="correct what is in MY_KEY"),
    ):
        async with staged(tmp_path / "wrong", servers(server.url, server.url, more=", api_key_env: MY_KEY")):
            pass


async def test_a_server_that_dies_while_it_answers(tmp_path: Path) -> None:
    with RudeServer("dies") as server:
        async with staged(tmp_path, servers(server.url, server.url), more=SMALL) as stage:
            load = await turn(stage)
            assert load.problem is not None and load.failed
            await until(lambda: len(stage.deaths) == 2)
            assert {death.arm for death in stage.deaths} == {"A", "B"}, "the other arm is the same server"
            assert "nothing answers any more" in str(stage.deaths[0])
    assert stage.states("A")[-1] == "failed"


async def test_a_server_that_dies_while_it_rests(tmp_path: Path) -> None:
    with RudeServer() as first, RudeServer() as second:
        async with staged(tmp_path, servers(first.url, second.url), more=SMALL) as stage:
            second.kill()
            await until(lambda: stage.deaths)
            assert stage.deaths[0].arm == "B"
            assert (await turn(stage, 0.5)).complete, "the other one goes on"


async def test_a_server_far_away_is_said_to_have_no_watts_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RudeServer() as server:
        monkeypatch.setattr("engine.arms.openai.is_own_host", lambda host: False)
        async with staged(tmp_path, servers(server.url, server.url), more=SMALL) as stage:
            flags = [mark for mark in stage.marks(MarkKind.WARNING) if mark.data.get("code") == "remote_server"]
            assert [flag.arm for flag in flags] == ["A", "B"] and all(flag.data["open"] is True for flag in flags)


# -- our own servers

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


# -- sleep

BY_TURNS = """
- {{name: one, args: {{max_num_seqs: 2, gpu_memory_utilization: 0.6}}{more}}}
- {{name: two, args: {{max_num_seqs: 2, gpu_memory_utilization: 0.7}}}}
"""


@contextlib.asynccontextmanager
async def sensed(stage: Stage):  # type: ignore[no-untyped-def]
    """The memory of the simulated GPU, told five times a second as the sampler does."""

    async def tell() -> None:
        while True:
            held: list[Any] = [stage.plan.occupancy.held_bytes()]  # type: ignore[union-attr]
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
        held = stage.plan.occupancy.held_bytes  # type: ignore[union-attr]
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


# -- ends


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
        assert [info.devices for info in stage.narrator.ledger.start.arms] == [["gpu0"], ["gpu1"]]  # type: ignore[union-attr]
        mine = set(descendants(os.getpid()))
        assert len(mine) >= 4, "two servers on their leashes"
        assert stage.lineup.ours({*mine, os.getpid(), os.getppid(), 1}) == {*mine, os.getpid()}
    async with staged(tmp_path / "commands", commands(GOOD)) as stage:
        assert all(isinstance(entrant, CommandEntrant) for entrant in stage.lineup.entrants.values())
