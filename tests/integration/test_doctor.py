"""`wattrace doctor` as a process: on machines with fake GPUs, and with none."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.arguments import accepted

Script = Callable[[str], None]
SIMULATED = """
title: Two simulated arms
model: {gpu: m/one}
arms: [{name: one, runtime: simulated}, {name: two, runtime: simulated}]
"""


@pytest.fixture
def vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter whose vLLM says what it takes, and the model in the hub's cache."""
    told = orjson.loads(Path(accepted.__file__).with_name(accepted.SHIPPED).read_bytes())
    monkeypatch.setenv("WATTRACE_VLLM_PYTHON", interpreter(tmp_path, f"wattrace: {orjson.dumps(told).decode()}"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    snapshot = tmp_path / "hub" / "models--Qwen--Qwen2.5-1.5B-Instruct" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (snapshot / name).touch()
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


def interpreter(folder: Path, says: str) -> str:
    """A program that says this, whatever it is asked."""
    file = folder / "python"
    file.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
    file.chmod(0o755)
    return str(file)


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTRACE_DATA", str(tmp_path / "data"))


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "server.cli", "doctor", *arguments]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)


def examined(*arguments: str) -> tuple[int, dict[str, Any], dict[str, list[str]]]:
    """Exit status, the JSON object, and the levels of each check."""
    done = doctor(*arguments, "--json")
    found = json.loads(done.stdout)
    levels: dict[str, list[str]] = {}
    for finding in found["findings"]:
        assert set(finding) == {"check", "level", "text", "remedy"}
        levels.setdefault(finding["check"], []).append(finding["level"])
        assert finding["remedy"] or finding["level"] == "ok", "what is wrong has its remedy beside it"
    return done.returncode, found, levels


def said(found: dict[str, Any], check: str) -> list[str]:
    return [finding["text"] for finding in found["findings"] if finding["check"] == check]


@pytest.mark.usefixtures("vllm")
def test_a_machine_that_has_everything(fake_nvml: Script) -> None:
    fake_nvml("noise=0.5;reasons=0")
    status, found, levels = examined()
    assert status == 0 and found["ok"] is True and found["demo"] == "batch-1-vs-8"
    for check in (
        "driver",
        "gpu",
        "persistence",
        "power limit",
        "foreign",
        "energy",
        "sensor",
        "vllm",
        "model",
        "disk",
    ):
        assert levels[check] == ["ok"], check
    assert levels["clocks"] == levels["arguments"] == levels["memory"] == ["ok", "ok"]
    assert "arm A gets 0.365 of GPU 0" in said(found, "memory")[0], "half of what 20 used of 80 GiB leave"
    [gpu] = found["gpus"]
    sensor = gpu["sensor"]
    assert gpu["source"] == "nvml" and gpu["device"]["uuid"]
    assert sensor["achieved_hz"] == pytest.approx(100, rel=0.05)
    assert sensor["period_ms"]["energy_counter"] == pytest.approx(100, rel=0.05)
    assert sensor["sampler"]["cpu_percent"] > 0 and not (Path(os.environ["WATTRACE_DATA"])).exists()


@pytest.mark.usefixtures("vllm")
def test_an_interpreter_that_cannot_import_vllm_is_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_nvml: Script
) -> None:
    fake_nvml("noise=0.5;reasons=0")
    monkeypatch.setenv("WATTRACE_VLLM_PYTHON", "/bin/true")
    status, found, levels = examined()
    assert status == 1 and levels["vllm"] == ["problem"] and "arguments" not in levels
    assert said(found, "vllm") == ["arms A, B: /bin/true is no Python that can import vLLM"]
    monkeypatch.setenv("WATTRACE_VLLM_PYTHON", interpreter(tmp_path, 'wattrace: {"vllm": "0.1"}'))
    status, found, levels = examined()
    assert status == 0 and levels["vllm"] == ["warning"] and "not checked" in said(found, "arguments")[0]


@pytest.mark.usefixtures("vllm")
def test_an_arm_that_may_be_restarted_cannot_race_by_turns(tmp_path: Path, fake_nvml: Script) -> None:
    """As the race itself says."""
    fake_nvml("noise=0.5;reasons=0")
    file, share = tmp_path / "turns.yaml", "args: {gpu_memory_utilization: 0.6}"
    text = "title: T\nmodel: {gpu: Qwen/Qwen2.5-1.5B-Instruct}\narms:\n"
    text += f"- {{name: one, {share}MORE}}\n- {{name: two, {share}}}\n"
    file.write_text(text.replace("MORE", ""))
    status, found, levels = examined(str(file))
    assert status == 0 and levels["memory"] == ["ok", "ok"] and "while B sleep" in said(found, "memory")[0]
    file.write_text(text.replace("MORE", ", restart: {times: 1}"))
    status, found, levels = examined(str(file))
    assert status == 1 and levels["memory"] == ["problem"] and "to be restarted" in said(found, "memory")[0]


def test_a_port_that_is_taken_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("WATTRACE_PORT", str(taken.getsockname()[1]))
        status, found, levels = examined("command-compression")
        assert status == 1 and levels["port"] == ["problem"] and "in use" in said(found, "port")[0]
    assert examined("command-compression")[0] == 0


@pytest.mark.usefixtures("vllm")
def test_every_gpu_is_looked_at_and_the_bad_one_named(fake_nvml: Script) -> None:
    fake_nvml("noise=0.5;reasons=0;gpus=2;gpu1.profile=partsensor;gpu1.signal=square;gpu1.period=0.1")
    done = doctor()
    assert done.returncode == 0, "a doubtful sensor does not stop a race"
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if "GPU 1: the energy counter and the one-second" in line)
    assert lines[at].startswith("! sensor") and lines[at + 1].strip().startswith("→")
    assert "GPU 0: 100 readings a second, and its sensors agree" in done.stdout
    assert "could race now, with 1 warning" in lines[-1]


@pytest.mark.usefixtures("vllm")
def test_a_board_that_somebody_has_set_up_and_that_is_too_hot(fake_nvml: Script) -> None:
    fake_nvml("noise=0.5;reasons=32;limit=500;application=900;mig=0")
    status, found, levels = examined()
    assert status == 0 and levels["power limit"] == ["warning"] and levels["clocks"] == ["warning", "warning"]
    assert any("900 MHz" in text for text in said(found, "clocks"))
    assert any("because it is hot" in text for text in said(found, "clocks"))


@pytest.mark.usefixtures("vllm")
def test_a_driver_that_hides_nearly_everything_is_still_looked_at(fake_nvml: Script) -> None:
    hidden = "persistence,limit,mig,ecc,memory,reasons,clock,application,temperature,utilization,capability,vbios"
    fake_nvml(f"noise=0.5;no={hidden}")
    status, _, levels = examined()
    assert status == 0 and set(levels["sensor"]) == {"ok"}
    assert not {"persistence", "power limit", "clocks"} & set(levels), "what is not known is not judged"
    assert levels["memory"] == ["ok", "ok"]


@pytest.mark.usefixtures("vllm")
def test_programs_that_others_run_on_the_gpu_are_named(fake_nvml: Script) -> None:
    hidden = 4_000_000  # above what Linux gives by default
    fake_nvml(f"noise=0.5;reasons=0;processes={os.getpid()}:512:0:inf,{hidden}:512:0:inf")
    status, found, levels = examined()
    assert status == 0 and levels["foreign"] == ["warning"]
    [text] = said(found, "foreign")
    ours = Path("/proc/self/comm").read_text().strip()
    assert "2 other programs" in text and f"{os.getpid()} ({ours})" in text and f"{hidden} (its name is hidden" in text


@pytest.mark.usefixtures("vllm")
def test_a_limit_that_the_demo_needs_is_the_operators_to_set(fake_nvml: Script) -> None:
    fake_nvml("noise=0.5;reasons=0;gpus=2")
    status, found, levels = examined("power-limit")
    assert status == 1 and levels["needs"] == ["ok", "problem"]
    [wrong] = [each for each in found["findings"] if each["level"] == "problem"]
    assert wrong["remedy"] == "sudo nvidia-smi -i 1 -pl 420"
    fake_nvml("noise=0.5;reasons=0;gpus=2;gpu1.limit=420")
    status, found, levels = examined("power-limit")
    assert status == 0 and levels["needs"] == ["ok", "ok"] and "power limit" not in levels


@pytest.mark.usefixtures("vllm")
def test_arms_that_want_gpus_and_memory_that_are_not_there(tmp_path: Path, fake_nvml: Script) -> None:
    fake_nvml("noise=0.5;reasons=0")
    status, _, levels = examined("parallel-two-gpus")
    assert status == 1 and levels["gpu"] == ["ok", "problem"]
    file = tmp_path / "greedy.yaml"
    share = "args: {gpu_memory_utilization: 0.8}"
    file.write_text(
        "title: Too much\nmodel: {gpu: Qwen/Qwen2.5-1.5B-Instruct}\nschedule: {mode: shared}\n"
        f"arms: [{{name: one, {share}}}, {{name: two, {share}}}]\n"
    )
    status, found, levels = examined(str(file))
    assert status == 1 and levels["memory"] == ["problem"] and "do not fit" in said(found, "memory")[0]


def test_arms_that_are_servers_and_programs(tmp_path: Path) -> None:
    servers = tmp_path / "servers.yaml"
    first = "{name: one, runtime: openai, url: 'http://127.0.0.1:9/v1'}"
    second = "{name: two, runtime: openai, url: 'http://127.0.0.1:9/v1', api_key_env: NO_SUCH_KEY_HERE}"
    servers.write_text(f"title: Servers\narms: [{first}, {second}]\n")
    status, found, levels = examined(str(servers))
    assert status == 1 and levels["server"] == ["problem"] * 2
    assert "nothing answers at" in said(found, "server")[0] and "NO_SUCH_KEY_HERE" in said(found, "server")[1]
    programs = tmp_path / "programs.yaml"
    arms = "[{name: one, runtime: command, command: [sh]}, {name: two, runtime: command, command: [no-such-program]}]"
    programs.write_text(f"title: Programs\ndevice: cpu\nmodel: {{cpu: none}}\narms: {arms}\n")
    status, _, levels = examined(str(programs))
    assert status == 1 and levels["command"] == ["ok", "problem"]


async def test_a_server_that_answers_is_asked_for_its_model(tmp_path: Path) -> None:
    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "served-here"}]})

    app = web.Application()
    app.router.add_get("/v1/models", models)
    async with TestServer(app) as server:
        url = str(server.make_url("/v1"))
        arms = ", ".join(f"{{name: {name}, runtime: openai, url: '{url}'}}" for name in ("one", "two"))
        file = tmp_path / "servers.yaml"
        file.write_text(f"title: Servers\narms: [{arms}]\n")
        status, found, levels = await asyncio.to_thread(examined, str(file))
    assert status == 0 and levels["server"] == ["ok", "ok"] and "served-here" in said(found, "server")[0]


def test_the_demo_of_commands_could_race_anywhere() -> None:
    status, _, levels = examined("command-compression")
    assert status == 0 and levels["command"] == ["ok", "ok"] and "model" not in levels


def test_the_audience_is_told_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "simulated.yaml"
    file.write_text(SIMULATED)
    monkeypatch.setenv("WATTRACE_PORT", "0")
    assert "this machine only" in said(examined(str(file))[1], "audience")[0]
    monkeypatch.setenv("WATTRACE_HOST", "0.0.0.0")
    [text] = said(examined(str(file))[1], "audience")
    assert "http://" in text or "no address on a network" in text


def test_a_driver_that_is_not_loaded(fake_nvml: Script) -> None:
    fake_nvml("init=9")
    status, found, levels = examined()
    assert status == 1 and found["ok"] is False and found["gpus"] == [] and levels["driver"] == ["problem"]


def test_without_a_gpu_a_gpu_demo_cannot_race_and_a_simulated_one_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    file = tmp_path / "simulated.yaml"
    file.write_text(SIMULATED)
    status, found, levels = examined(str(file))
    assert status == 0 and "vllm" not in levels
    if not any(gpu["source"] == "nvml" for gpu in found["gpus"]):  # this machine has none of its own
        assert levels["driver"] == ["ok"]
        assert examined()[0] == 1
        assert "wattrace demo batch-1-vs-8 --simulate" in doctor().stdout


def test_a_cpu_demo_needs_no_gpu_but_its_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTRACE_CPU_ENGINE", str(tmp_path / "nowhere"))
    monkeypatch.delenv("WATTRACE_VLLM_PYTHON", raising=False)
    status, found, levels = examined("batch-1-vs-8-cpu")
    assert status == 1 and levels["vllm"] == levels["model"] == ["problem"] and levels["driver"] == ["ok"]
    assert all("make engine-cpu" in each["remedy"] for each in found["findings"] if each["level"] == "problem")


def test_a_demo_that_is_not_there_is_one_line() -> None:
    done = doctor("batch-1-vs-9")
    assert done.returncode == 2 and "did you mean 'batch-1-vs-8'" in done.stderr and not done.stdout
