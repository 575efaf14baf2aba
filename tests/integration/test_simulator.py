"""The simulated server as a process: what real clients of vLLM see."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from simulated_server import MODEL, SimulatedServer, free_port

from engine.occupancy import Load, Occupancy

PROMPT = "Why does bread rise in the oven?"


def chat(**options: Any) -> dict[str, Any]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], "temperature": 0}
    return {**body, "max_tokens": 12, **options}


def events(data: bytes) -> list[dict[str, Any]]:
    """The JSON of an event stream, whose end has to be marked."""
    lines = [line.removeprefix(b"data: ") for line in data.split(b"\n\n") if line]
    assert lines.pop() == b"[DONE]"
    return [orjson.loads(line) for line in lines]


@pytest.fixture(scope="module")
def server() -> Any:
    with SimulatedServer("--max-num-seqs", "8") as server:
        yield server


def test_it_is_unhealthy_until_it_is_ready() -> None:
    with SimulatedServer("--startup-seconds", "0.6", wait=False) as server:
        seen = server.wait_ready()
        assert set(seen[:-1]) <= {None, 503}
        assert 503 in seen
        assert server.terminate() == 0


def test_a_stream_with_running_usage(server: SimulatedServer) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    status, data = server.post("/v1/chat/completions", chat(stream=True, stream_options=options))
    assert status == 200
    first, *chunks, last = events(data)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert first["usage"]["completion_tokens"] == 0
    assert [chunk["usage"]["completion_tokens"] for chunk in chunks] == list(range(1, 13))
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 11 + ["length"]
    assert last["choices"] == []
    prompt_tokens = first["usage"]["prompt_tokens"]
    totals = {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens + 12, "completion_tokens": 12}
    assert last["usage"] == totals
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in [first, *chunks, last]}) == 1


@pytest.mark.parametrize("include", [False, True])
def test_a_stream_without_running_usage(server: SimulatedServer, include: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if include else {}
    _, data = server.post("/v1/chat/completions", chat(stream=True, **options))
    chunks = events(data)
    assert [("usage" in chunk) for chunk in chunks] == [False] * 13 + [True] * include


def test_the_whole_answer_is_the_streams_text(server: SimulatedServer) -> None:
    _, data = server.post("/v1/chat/completions", chat(max_tokens=500))
    whole = orjson.loads(data)
    _, data = server.post("/v1/chat/completions", chat(max_tokens=500, stream=True, seed=5))
    streamed = events(data)
    text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in streamed)
    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": text}
    assert whole["choices"][0]["finish_reason"] == "stop" == streamed[-1]["choices"][0]["finish_reason"]
    # the role's chunk is no token, the end-of-sequence token's chunk is one
    assert whole["usage"]["completion_tokens"] == len(streamed) - 1
    assert streamed[-1]["choices"][0]["delta"]["content"] == ""


def test_ignore_eos_goes_on_to_max_tokens(server: SimulatedServer) -> None:
    _, data = server.post("/v1/chat/completions", chat(max_tokens=400, ignore_eos=True))
    whole = orjson.loads(data)
    assert whole["usage"]["completion_tokens"] == 400
    assert whole["choices"][0]["finish_reason"] == "length"


def test_a_temperature_heeds_the_seed(server: SimulatedServer) -> None:
    def said(**options: Any) -> str:
        _, data = server.post("/v1/chat/completions", chat(max_tokens=200, **options))
        return str(orjson.loads(data)["choices"][0]["message"]["content"])

    assert said(temperature=1, seed=1) == said(temperature=1, seed=1)
    assert len({said(temperature=1, seed=seed) for seed in range(6)}) > 1
    assert said(seed=1) == said(seed=2)


def test_plain_completions(server: SimulatedServer) -> None:
    body = {"model": MODEL, "prompt": PROMPT, "max_tokens": 5, "temperature": 0}
    _, data = server.post("/v1/completions", body)
    whole = orjson.loads(data)
    assert whole["object"] == "text_completion"
    _, data = server.post("/v1/completions", {**body, "stream": True})
    assert "".join(chunk["choices"][0]["text"] for chunk in events(data)) == whole["choices"][0]["text"]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"model": "another"}, 404, "does not exist"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "user"}]}, 400, "content"),
        ({"max_tokens": 0}, 400, "at least 1"),
        ({"max_tokens": 10**6}, 400, "max_model_len"),
        ({"temperature": "warm"}, 400, "temperature"),
        ({"n": 2}, 400, "one answer"),
        ({"stream_options": {"include_usage": True}}, 400, "stream=True"),
    ],
)
def test_what_cannot_be_is_refused(server: SimulatedServer, change: dict[str, Any], status: int, words: str) -> None:
    answer, data = server.post("/v1/chat/completions", chat(**change))
    error = orjson.loads(data)["error"]
    assert answer == status == error["code"]
    assert words in error["message"]


def test_models_and_metrics(server: SimulatedServer) -> None:
    before = server.metric("generation_tokens_total"), server.metric("prompt_tokens_total")
    _, data = server.post("/v1/chat/completions", chat())
    usage = orjson.loads(data)["usage"]
    assert server.metric("generation_tokens_total") == before[0] + usage["completion_tokens"]
    assert server.metric("prompt_tokens_total") == before[1] + usage["prompt_tokens"]
    assert server.metric("num_requests_running") == 0 == server.metric("num_requests_waiting")


async def test_a_client_that_goes_away_frees_its_slot(tmp_path: Path) -> None:
    occupancy = Occupancy.create(tmp_path / "occupancy")
    arguments = ["--max-num-seqs", "1", "--occupancy", str(tmp_path / "occupancy"), "--slot", "2"]
    with SimulatedServer(*arguments) as server:
        async with aiohttp.ClientSession() as session:
            url = f"{server.url}/v1/chat/completions"
            endless = chat(stream=True, max_tokens=20_000, ignore_eos=True)
            first = await session.post(url, json=endless)
            await first.content.readany()
            waiting = asyncio.create_task(session.post(url, json=endless))
            second = await waiting  # its headers come while it waits for the slot
            assert server.metric("num_requests_waiting") == 1
            assert occupancy.read(2).running == 1
            first.close()
            assert b"assistant" in await second.content.readany()
            second.close()
            while server.metric("num_requests_running"):
                await asyncio.sleep(0.01)
        while occupancy.read(2) != Load():
            await asyncio.sleep(0.01)
        assert server.metric("num_requests_waiting") == 0
        assert server.terminate() == 0
    occupancy.close()


def test_it_ends_by_sigterm_while_it_answers_and_leaves_its_gpu_idle(tmp_path: Path) -> None:
    occupancy = Occupancy.create(tmp_path / "occupancy")
    with SimulatedServer("--occupancy", str(tmp_path / "occupancy")) as server:
        body = orjson.dumps(chat(stream=True, max_tokens=20_000, ignore_eos=True)).decode()
        client = [sys.executable, "-c", _ASK, f"{server.url}/v1/chat/completions", body]
        with subprocess.Popen(client, stdout=subprocess.PIPE) as asking:
            assert asking.stdout is not None
            asking.stdout.readline()
            assert occupancy.read(0).running == 1
            assert server.terminate() == 0
            asking.kill()
    assert occupancy.read(0) == Load()
    occupancy.close()


_ASK = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], data=sys.argv[2].encode())
for line in urllib.request.urlopen(request):
    print(line, flush=True)
"""


def refused(*arguments: str, **environment: str) -> tuple[int, str]:
    with SimulatedServer(*arguments, wait=False, **environment) as server:
        _, log = server.process.communicate(timeout=60)
        return server.process.returncode, log


def test_vllms_own_options_are_taken_and_others_are_named() -> None:
    known = [
        "--enforce-eager",
        "--max_num_seqs=4",
        "--performance-mode",
        "throughput",
        "--no-async-scheduling",
    ]
    known += ["--speculative-config", '{"method": "ngram", "num_speculative_tokens": 3}', "-q", "fp8"]
    with SimulatedServer(*known) as server:
        assert server.terminate() == 0
    code, log = refused("--warp-factor", "9")
    assert code == 2
    assert "unrecognized arguments: --warp-factor" in log
    code, log = refused("--max-num-seqs", "0")
    assert code == 2
    assert "--max-num-seqs" in log


def test_failures_at_the_start_are_told_in_the_log() -> None:
    assert refused(WATTRACE_SIM_FAIL_START="1")[0] == 1
    assert "out of memory" in refused(WATTRACE_SIM_FAIL_START="1")[1]
    code, log = refused("--model", "Llama-70B")
    assert code == 1
    assert "out of memory" in log and "Traceback" not in log


def test_a_taken_port_is_one_line() -> None:
    with SimulatedServer() as server:
        code, log = refused("--port", str(server.port))
    assert code == 1
    assert "address already in use" in log.lower() and "Traceback" not in log


def test_it_dies_when_a_test_asks_for_it() -> None:
    with SimulatedServer(WATTRACE_SIM_DIE_AFTER_SECONDS="0.2") as server:
        assert server.process.wait(timeout=30) == 1


def test_ports_are_free_ones() -> None:
    assert 1024 < free_port() < 65536
