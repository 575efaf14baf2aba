"""What a plan makes of a demo on a machine with GPUs: the real binding on a fake driver, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MAKE = """
import json, sys, tempfile
from pathlib import Path
from engine.config import parse_demo
from engine.errors import WattraceError
from engine.plan import make_plan
with tempfile.TemporaryDirectory() as folder:
    try:
        plan = make_plan("test", parse_demo(sys.argv[1], file="test"), folder=Path(folder))
    except WattraceError as error:
        print(json.dumps({"error": str(error)}))
    else:
        arms = [{"devices": arm.devices, "sleeps": arm.sleeps, "least": arm.least_freed_bytes,
                 "env": dict(getattr(arm.launch, "env", {})),
                 "command": list(getattr(arm.launch, "command", []))} for arm in plan.arms]
        print(json.dumps({"arms": arms, "gpus": plan.gpus, "remarks": plan.remarks, "power": plan.power,
                          "notes": plan.notes, "revision": plan.model_revision}))
"""


def made(arms: str, more: str = "model: {gpu: m}", **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", MAKE, f"title: T\n{more}\narms:\n{arms}"],
        env={**os.environ, "WATTRACE_VLLM_PYTHON": "/bin/sh", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    plan: dict[str, Any] = json.loads(done.stdout)
    return plan


def uuids(count: int) -> list[str]:
    ask = "import pynvml as n; n.nvmlInit(); "
    ask += f"print(*(n.nvmlDeviceGetUUID(n.nvmlDeviceGetHandleByIndex(i)) for i in range({count})))"
    return subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.split()


def share(arm: dict[str, Any]) -> float:
    return float(arm["command"][arm["command"].index("--gpu-memory-utilization") + 1])


GIB = 2**30
PARALLEL = "model: {gpu: m}\nschedule: {mode: parallel}"


def test_arms_in_turn_share_the_first_gpu(fake_nvml: Callable[[str], None]) -> None:
    fake_nvml("gpus=2")
    plan = made("- {name: a}\n- {name: b, args: {gpu_memory_utilization: 0.5}}\n")
    assert [arm["devices"] for arm in plan["arms"]] == [["gpu0"], ["gpu0"]] and plan["gpus"] == [0]
    first, second = plan["arms"]
    assert 0 < share(first) < 0.5 == share(second) and not first["sleeps"]
    assert "arm A gets" in plan["remarks"]["A"] and "as the demo asks" in plan["remarks"]["B"]
    assert first["env"]["CUDA_VISIBLE_DEVICES"] == "0" and first["env"]["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_in_parallel_each_has_its_own(fake_nvml: Callable[[str], None]) -> None:
    fake_nvml("gpus=3")
    plan = made("- {name: a}\n- {name: b}\n", PARALLEL)
    assert [arm["devices"] for arm in plan["arms"]] == [["gpu0"], ["gpu1"]] and plan["gpus"] == [0, 1]
    assert [arm["env"]["CUDA_VISIBLE_DEVICES"] for arm in plan["arms"]] == ["0", "1"]
    assert share(plan["arms"][0]) > 0.7, "nobody shares what is free, three quarters"


def test_uuids_become_the_indices_that_vllm_takes(fake_nvml: Callable[[str], None]) -> None:
    fake_nvml("gpus=4")
    known = uuids(4)
    arms = f"- {{name: a, gpus: ['{known[3]}', 1]}}\n- {{name: b, gpus: ['{known[2]}']}}\n"
    plan = made(arms, PARALLEL)
    assert [arm["devices"] for arm in plan["arms"]] == [["gpu1", "gpu3"], ["gpu2"]] and plan["gpus"] == [1, 2, 3]
    assert [arm["env"]["CUDA_VISIBLE_DEVICES"] for arm in plan["arms"]] == ["1,3", "2"]
    assert "--tensor-parallel-size 2" in " ".join(plan["arms"][0]["command"])


def test_a_batch_systems_gpus_are_those_that_are_measured(fake_nvml: Callable[[str], None]) -> None:
    fake_nvml("gpus=4")
    plan = made("- {name: a}\n- {name: b}\n", PARALLEL, CUDA_VISIBLE_DEVICES=f"3,{uuids(4)[1]}")
    assert plan["gpus"] == [1, 3] and [arm["devices"] for arm in plan["arms"]] == [["gpu3"], ["gpu1"]]


def test_commands_see_just_their_gpus(fake_nvml: Callable[[str], None]) -> None:
    fake_nvml("gpus=2")
    arms = "- {name: a, runtime: command, command: [env], gpus: [1]}\n- {name: b, runtime: command, command: [env]}\n"
    plan = made(arms, "device: gpu")
    assert [arm["devices"] for arm in plan["arms"]] == [["gpu1"], ["gpu0"]] and plan["power"] == "nvml"
    assert [arm["env"]["CUDA_VISIBLE_DEVICES"] for arm in plan["arms"]] == ["1", "0"] and plan["remarks"] == {}


def test_arms_that_do_not_fit_beside_each_other_take_turns_in_memory(fake_nvml: Callable[[str], None]) -> None:
    fake_nvml("gpus=1")
    arms = "".join(f"- {{name: {name}, args: {{gpu_memory_utilization: 0.6}}}}\n" for name in "ab")
    plan = made(arms)
    assert [arm["sleeps"] for arm in plan["arms"]] == [True, True]
    assert "--enable-sleep-mode" in plan["arms"][0]["command"] and "while B sleep" in plan["remarks"]["A"]
    assert [arm["least"] for arm in plan["arms"]] == [pytest.approx(0.3 * 80 * GIB)] * 2, "half of what each is given"
    again = made(arms.replace("}}", "}, restart: {times: 1}}", 1))
    assert "arm A: it is to be restarted" in again["error"]
    together = "model: {gpu: m}\nschedule: {mode: shared}"
    refused = made(arms, together)
    assert "do not fit together" in refused["error"]


def vllm(folder: Path, version: str, server: str, *takes: str) -> str:
    """A program that answers like an interpreter with this vLLM."""
    arguments = {name: {"kind": "integer"} for name in ("gpu_memory_utilization", *takes)}
    said = json.dumps({"vllm": version, "server": server, "arguments": arguments})
    file = folder / f"python-{version}"
    file.write_text(f"#!/bin/sh\necho x >> {file}.asked\necho 'wattrace: {said}'\n")
    file.chmod(0o755)
    return str(file)


def test_two_versions_of_vllm_race_each_asked_for_itself(tmp_path: Path, fake_nvml: Callable[[str], None]) -> None:
    fake_nvml("gpus=1")
    old, new = vllm(tmp_path, "0.9.1", "vllm.old", "turbo"), vllm(tmp_path, "0.32.0", "vllm.new", "calm")
    arms = "- {{name: a, python: {old}, args: {{{first}: 1}}}}\n- {{name: b, python: {new}, args: {{{second}: 1}}}}\n"
    cache = str(tmp_path / "cache")
    plan = made(arms.format(old=old, new=new, first="turbo", second="calm"), XDG_CACHE_HOME=cache)
    first, second = (arm["command"] for arm in plan["arms"])
    assert first[:3] == [old, "-m", "vllm.old"] and second[:3] == [new, "-m", "vllm.new"]
    assert [Path(f"{python}.asked").read_text() for python in (old, new)] == ["x\n", "x\n"]
    refused = made(arms.format(old=old, new=new, first="turbo", second="turbo"), XDG_CACHE_HOME=cache)
    assert refused["error"] == "arm B: vLLM 0.32.0 has no argument 'turbo'"


def test_a_model_that_is_not_here_is_said_or_refused(tmp_path: Path, fake_nvml: Callable[[str], None]) -> None:
    fake_nvml("gpus=1")
    arms, hub = "- {name: a}\n- {name: b}\n", {"HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub")}
    plan = made(arms, "model: {gpu: m/n}", HF_HUB_OFFLINE="0", **hub)
    assert plan["notes"] == ["the model m/n is not whole on this machine: vLLM downloads it now, which may take long"]
    assert plan["revision"] is None
    refused = made(arms, "model: {gpu: m/n}", HF_HUB_OFFLINE="1", **hub)
    assert "arm A: the model m/n is not whole on this machine, and HF_HUB_OFFLINE=1 forbids" in refused["error"]
    snapshot, ref = tmp_path / "hub" / "models--m--n" / "snapshots" / "abc", tmp_path / "hub" / "models--m--n" / "refs"
    for folder in (snapshot, ref):
        folder.mkdir(parents=True)
    (ref / "main").write_text("abc")
    for name in ("config.json", "model.safetensors"):
        (snapshot / name).touch()
    there = made(arms, "model: {gpu: m/n}", HF_HUB_OFFLINE="1", **hub)
    assert there["notes"] == [] and there["revision"] == "abc"


@pytest.mark.parametrize(
    ("gpu", "says"), [("7", "no GPU is called '7'"), ("GPU-nowhere", "no GPU is called 'GPU-nowhere'")]
)
def test_a_gpu_that_is_not_there_is_named(fake_nvml: Callable[[str], None], gpu: str, says: str) -> None:
    fake_nvml("gpus=1")
    assert says in made(f"- {{name: a, gpus: [{gpu}]}}\n- {{name: b}}\n")["error"]


def test_a_driver_that_hangs_on_one_gpu_does_not_hang_the_plan(fake_nvml: Callable[[str], None]) -> None:
    fake_nvml("gpus=2;gpu1.hang=0:inf")
    plan = made("- {name: a}\n- {name: b}\n", PARALLEL)
    assert plan["gpus"] == [0, 1] and "GiB" in plan["remarks"]["A"] and "GiB" not in plan["remarks"]["B"]
