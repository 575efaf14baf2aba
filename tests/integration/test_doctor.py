"""`wattrace doctor` as a process: on machines with fake GPUs, and with none."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Script = Callable[[str], None]
SIMULATED = """
title: Two simulated arms
model: {gpu: m/one}
arms: [{name: one, runtime: simulated}, {name: two, runtime: simulated}]
"""


@pytest.fixture
def vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that has vLLM, and the model in the hub's cache."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 0.99.1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("WATTRACE_VLLM_PYTHON", str(fake))
    snapshot = tmp_path / "hub" / "models--Qwen--Qwen2.5-1.5B-Instruct" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (snapshot / name).touch()
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


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


@pytest.mark.usefixtures("vllm")
def test_a_machine_that_has_everything(fake_nvml: Script) -> None:
    fake_nvml("noise=0.5;reasons=0")
    status, found, levels = examined()
    assert status == 0 and found["ok"] is True and found["demo"] == "batch-1-vs-8"
    assert levels["driver"] == levels["sensor"] == levels["vllm"] == levels["model"] == ["ok"]
    [gpu] = found["gpus"]
    sensor = gpu["sensor"]
    assert gpu["source"] == "nvml" and gpu["device"]["uuid"]
    assert sensor["achieved_hz"] == pytest.approx(100, rel=0.05)
    assert sensor["period_ms"]["energy_counter"] == pytest.approx(100, rel=0.05)
    assert sensor["sampler"]["cpu_percent"] > 0 and not (Path(os.environ["WATTRACE_DATA"])).exists()


@pytest.mark.usefixtures("vllm")
def test_every_gpu_is_looked_at_and_the_bad_one_named(fake_nvml: Script) -> None:
    fake_nvml("noise=0.5;reasons=0;gpus=2;gpu1.profile=partsensor;gpu1.signal=square;gpu1.period=0.1")
    done = doctor()
    assert done.returncode == 0, "a doubtful sensor does not stop a race"
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if "GPU 1: the energy counter and the one-second" in line)
    assert lines[at].startswith("! warning") and "→" in lines[at + 1]
    assert "GPU 0: 100 readings a second, and its sensors agree" in done.stdout
    assert "could race now" in lines[-1]


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
