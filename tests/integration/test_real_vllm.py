"""The real thing without a GPU: vLLM on the CPU, with a model small enough to be quick."""

import asyncio
import json
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from websockets.sync.client import connect

from engine.arguments.accepted import shipped
from engine.arguments.asking import accepted_by
from engine.arms.metrics_poll import MetricsPoll
from engine.arms.server import ServerArm
from engine.arms.sleep import SleepSwitch
from engine.arms.vllm import vllm_launch
from engine.clock import MonotonicClock
from engine.config import load_demo
from engine.cpu_build.location import find_interpreter, find_model
from engine.documents import Mark, MarkKind, Page
from engine.recording import Reader
from integration.conftest import Races
from integration.killing import address, ends_cleanly, killed_arm, messages
from integration.leaks import nothing_left
from integration.processes import wait_until

ARTIFACTS = Path(__file__).parents[2] / "artifacts"

pytestmark = [
    pytest.mark.real_vllm,
    pytest.mark.timeout(500),
    pytest.mark.skipif(
        find_interpreter() is None or find_model("smollm2-135m") is None,
        reason="no CPU engine environment here: make engine-cpu builds it",
    ),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of all these tests: vLLM is asked for its arguments once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def real(races: Races, cache: Path) -> Races:
    """Races that find the engine environment, which lies in the data folder that the tests otherwise leave alone."""
    interpreter = find_interpreter()
    assert interpreter is not None
    races.environment |= {"WATTRACE_CPU_ENGINE": str(interpreter.parents[2]), "XDG_CACHE_HOME": str(cache)}
    return races


def verdict_of(result: dict[str, Any], metric: str) -> dict[str, Any]:
    """The verdict on one metric, which has to be a whole one."""
    found: dict[str, Any] = next(verdict for verdict in result["verdicts"] if verdict["metric"] == metric)
    assert found["low"] <= found["ratio"] <= found["high"]
    assert found["text"]
    return found


def shorter(name: str, *, args: Mapping[str, object] | None = None, **schedule: int) -> str:
    """A shipped demo with short answers and another schedule, and `args` for all its arms."""
    demo = yaml.safe_load(resources.files("demos").joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    demo["schedule"] |= schedule
    demo["workload"] |= {"max_tokens": 16}
    for arm in demo["arms"]:
        arm["args"] |= args or {}
    return yaml.safe_dump(demo)


@pytest.fixture
def quoted(record_property: Callable[[str, object], None]) -> Callable[[str, dict[str, Any]], None]:
    """Keeps a verdict to be quoted: in the test's properties and output, and in the folder artifacts."""

    def quote(race: str, verdict: dict[str, Any]) -> None:
        line = (
            f"{race}: {verdict['text']} (ratio {verdict['ratio']:.3f}, {verdict['low']:.3f} to {verdict['high']:.3f})"
        )
        record_property("verdict", line)
        print(line)
        ARTIFACTS.mkdir(exist_ok=True)
        (ARTIFACTS / f"verdict-{race}.txt").write_text(f"{line}\n", encoding="utf-8")

    return quote


@pytest.mark.alone  # two ratios decide it, if no other program moves one of them
def test_batch_8_beats_batch_1_on_a_real_vllm(real: Races, quoted: Callable[[str, dict[str, Any]], None]) -> None:
    out, file = real.folder / "cpu.jsonl", real.folder / "batch.yaml"
    # Rounds of as many answers, not of as many seconds, and in fp32: many a processor does not multiply bf16 by itself.
    # There B gives five times as much, which even an interval from two ratios decides.
    file.write_text(shorter("batch-1-vs-8-cpu", args={"dtype": "float32"}, round_requests=10, rounds=4))
    done = real.run("run", str(file), "--out", str(out), timeout=450)
    assert done.returncode == 0, done.stderr
    result = json.loads(real.run("compare", str(out), "--json").stdout)
    one, eight = result["arms"]
    assert result["complete"] is True and result["simulated"] is False
    assert eight["tokens_per_second"] > one["tokens_per_second"] > 0
    verdict = verdict_of(result, "tokens_per_second")
    quoted("batch-1-vs-8-cpu", verdict)
    assert verdict["decided"] is True and verdict["low"] > 1, verdict
    assert verdict["text"].startswith("B gives "), verdict
    if one["joules_per_token"] is None:
        assert one["power_watts"] == {"mean": None, "peak": None} and "simulated" not in one["reasons"]

    told = list(Reader(out))
    streamed: dict[object, int] = {}
    text: dict[object, str] = {}
    for page in told:
        if isinstance(page, Page) and page.stream.startswith("text."):
            rows = zip(page.data["request"], page.data["tokens"], page.data["text"], strict=True)
            for request, tokens, piece in rows:
                assert isinstance(tokens, int) and isinstance(piece, str)
                streamed[request] = streamed.get(request, 0) + tokens
                text[request] = text.get(request, "") + piece
    finished = [m for m in told if isinstance(m, Mark) and m.kind == MarkKind.REQUEST_FINISHED]
    assert len(finished) > 8
    for mark in finished:
        assert streamed[mark.request] == mark.data["completion_tokens"], "the counts are exact"
        assert len(text[mark.request].split()) >= 3, "the text is words"


def test_kill_9_of_the_race_takes_a_real_vllm_along(real: Races) -> None:
    out = real.folder / "cpu.jsonl"
    process = real.start("run", "batch-1-vs-8-cpu", "--out", str(out))
    wait_until(lambda: out.exists() and b'"ready"' in out.read_bytes(), seconds=200, what="one arm is ready")
    assert len(real.processes("vllm.entrypoints")) >= 2, "the leash and the server"
    process.kill()
    process.communicate()
    wait_until(lambda: not real.processes(), seconds=5, what="vLLM and all it started are gone")


def test_a_killed_real_arm_is_on_screen_and_the_race_ends_cleanly(real: Races) -> None:
    """In the middle of its first turn; within a second, where the processor is not another program's meanwhile."""
    demo = ("demo", "batch-1-vs-8-cpu", "--autostart", "--no-browser", "--port", "0", "--round-seconds", "60")
    with connect(f"ws://{address(real.start(*demo))}/ws") as socket:
        racing = (frame for frame in messages(socket) if frame["state"] == "racing")
        next(frame for frame in racing if frame["arms"]["A"]["tokens"] > 0)
        seconds, figures = killed_arm(socket, real, "vllm.entrypoints", "--max-num-seqs 1 ")
        assert seconds < 2 and "was killed by SIGKILL" in figures["reason"] and figures["last_words"]
        over = next(frame for frame in messages(socket) if frame["state"] == "failed")
    assert over["arms"]["A"]["state"] == "failed" and over["arms"]["B"]["state"] != "failed"
    ends_cleanly(real)


def test_bf16_against_fp32_runs_to_a_verdict(real: Races, quoted: Callable[[str, dict[str, Any]], None]) -> None:
    """Which of them is faster is the processor's affair; that the race says so, with an interval, is ours."""
    out, file = real.folder / "cpu.jsonl", real.folder / "same-work.yaml"
    file.write_text(shorter("bf16-vs-fp32-cpu", round_requests=8, rounds=6))
    done = real.run("run", str(file), "--out", str(out), timeout=400)
    assert done.returncode == 0, done.stderr
    result = json.loads(real.run("compare", str(out), "--json").stdout)
    assert result["complete"] is True and [arm["name"] for arm in result["arms"]] == ["bf16", "fp32"]
    assert all(arm["tokens_per_second"] > 0 for arm in result["arms"])
    verdict = verdict_of(result, "tokens_per_second")
    quoted("bf16-vs-fp32-cpu", verdict)
    assert verdict["rounds"] == 3, "every round of both counts"
    assert verdict["decided"] is not verdict["text"].startswith("too close to call after 6 rounds"), verdict


def test_a_wrong_argument_is_said_before_the_race(real: Races) -> None:
    file = real.folder / "wrong.yaml"
    file.write_text(
        "title: T\nmodel: {cpu: smollm2-135m}\n"
        "arms: [{name: a, args: {max_num_sequences: 1}}, {name: b, args: {max_num_seqs: 8}}]\n"
    )
    out = real.folder / "x.jsonl"
    done = real.run("run", str(file), "--out", str(out), timeout=200)
    assert done.returncode == 2 and not out.exists()
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("wattrace: arm A: vLLM ") and line.endswith(
        "has no argument 'max_num_sequences'; did you mean 'max_num_seqs'?"
    )


def test_this_vllm_has_the_arguments_of_the_shipped_list(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is another version than the list's; `python -m engine.arguments` makes a new one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    accepted = accepted_by(str(find_interpreter()))
    assert accepted is not None
    assert {"max_num_seqs", "dtype", "speculative_config"} <= accepted.arguments.keys()
    if accepted.version == shipped().version:
        assert accepted == shipped()


async def test_two_lives_of_a_real_arm_leave_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first with vLLM's development endpoints, the other without; each is followed from its start to its end."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    demo, log = load_demo("batch-1-vs-8-cpu")[1], tmp_path / "log"
    async with nothing_left(monkeypatch) as ports:
        for develops in (True, False):
            stages: set[str] = set()
            launch = vllm_launch(demo, demo.arms[1], "B", develops=develops)
            arm = ServerArm("B", launch, log=log, on_progress=lambda told, stages=stages: stages.add(told.stage))
            try:
                await arm.start()
                ports.add(arm.port)
                assert {"loading weights", "sizing the cache"} <= stages
                await (_with_its_endpoints(arm) if develops else _without_them(arm))
            finally:
                await arm.stop()
    assert b"GET /metrics" not in log.read_bytes(), "what we ask all the time is not logged"


async def _with_its_endpoints(arm: ServerArm) -> None:
    """It tells its configuration itself, answers for metrics by name, and only says that it sleeps."""
    told = await arm.effective()
    asked = {"max_num_seqs": 8, "enforce_eager": True, "dtype": "bfloat16", "max_model_len": 2048}
    assert told["told_by"] == "server_info" and {name: told[name] for name in asked} == asked
    assert told["cudagraph_mode"] == "NONE" and len(json.dumps(told)) < 4000

    pages: list[Any] = []
    async with MetricsPoll("B", arm.base_url, MonotonicClock(), pages.append, active=True) as poll:
        while len(pages) < 4:
            await asyncio.sleep(0.05)
        assert poll.by_name, "it answers for just the metrics that it is asked for"
    assert all(column != [None] for page in pages[1:] for column in page.data.values())

    slept = await SleepSwitch(arm.base_url, lambda: 0.0).sleep()
    assert slept.outcome == "pretended" and "only 0.00 GiB became free" in slept.text


async def _without_them(arm: ServerArm) -> None:
    """Its log and its metrics tell the configuration, and it has no sleep mode to be asked for."""
    told = await arm.effective()
    assert told["told_by"] == "log and metrics, else arguments"
    assert (told["dtype"], told["max_model_len"], told["max_num_seqs"]) == ("bfloat16", 2048, 8)
    assert isinstance(told["num_gpu_blocks"], int)
    slept = await SleepSwitch(arm.base_url, lambda: 0.0).sleep()
    assert slept.outcome == "refused" and "its server has no /sleep" in slept.text
