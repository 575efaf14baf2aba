"""The real arm: a vLLM server in its own interpreter, on a GPU or on the CPU."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from engine.arguments.accepted import Accepted, shipped
from engine.arguments.asking import NoAnswer, NoVllm, accepted_by
from engine.arms.flags import flags
from engine.arms.memory import claims, share_out
from engine.arms.server import Launch
from engine.config import Arm, Demo
from engine.cpu_build.location import find_interpreter, find_model
from engine.errors import ArgumentRefused, ArmUnavailable

_READY_SECONDS = 600.0
"""Loading, compiling and capturing graphs of a large model takes minutes."""

_SERVER = "vllm.entrypoints.openai.api_server"
# A key that is meant for some other vLLM would lock our clients out of this one.
_QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1", "VLLM_API_KEY": ""}
_CPU_ENV = {"OMP_NUM_THREADS": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "HF_HUB_OFFLINE": "1"}

# Without a size vLLM's CPU build takes most of the RAM for its cache; 128 MiB serve eight short answers, but not one
# of the model's full 8,192 tokens, which vLLM would insist on.
_CPU_ARGS: Mapping[str, JsonValue] = {
    "enforce_eager": True,
    "kv_cache_memory_bytes": 134_217_728,
    "max_model_len": 2048,
}

# What wattrace itself asks five times a second would fill the log.
_UNLOGGED = {"disable_access_log_for_endpoints": "/health,/metrics,/metrics/"}


def vllm_launch(
    demo: Demo, arm: Arm, label: str, *, share: float | None = None, sleeps: bool = False, develops: bool = False
) -> Launch:
    """How to start `arm`.

    `share` of its GPUs' memory goes before an equal one, and not before the demo's own. `sleeps`: with sleep mode;
    `develops`: with vLLM's development endpoints, which sleep mode switches on too. Raises ArmUnavailable naming what
    this machine lacks and how to get it, and ArgumentRefused for an argument that the arm's vLLM does not take. Asking
    it which it takes blocks for ten seconds, once.
    """
    python = _interpreter(arm, label, on_cpu=demo.on_cpu)
    model = _model(demo, label)
    accepted, doubts = _accepted(python, arm, label)
    arguments = {**_defaults(demo, arm, label, share), **arm.args}
    if sleeps:
        arguments["enable_sleep_mode"] = True
    unlogged = _UNLOGGED if accepted and accepted.arguments.keys() >= _UNLOGGED.keys() else {}
    # The console script of some builds looks for a distribution called vllm; the module works with every build.
    command = [python, "-m", accepted.server if accepted else _SERVER, "--model", model]
    command += ["--served-model-name", "arm", "--host", "127.0.0.1", "--port", "{port}"]
    command += flags({**unlogged, **arguments}, accepted)
    env = {**_QUIET, **(_CPU_ENV if demo.on_cpu else _gpu_env(demo, arm, label)), **arm.env}
    if sleeps or develops:
        env["VLLM_SERVER_DEV_MODE"] = "1"
    return Launch(command, model="arm", ready_seconds=_READY_SECONDS, env=env, effective=dict(arguments), doubts=doubts)


def _accepted(python: str, arm: Arm, label: str) -> tuple[Accepted | None, list[str]]:
    """What the arm's vLLM accepts, its arguments among it; None when it will not say: then it judges for itself.

    What the shipped list then has against its arguments is no more than a doubt: that list is of one version.
    """
    try:
        accepted = accepted_by(python, arm.env)
    except NoAnswer:
        accepted = None
    except NoVllm:
        raise ArmUnavailable(
            label,
            f"there is no vLLM in {python}",
            remedy="install vllm there, or name another interpreter in the arm's python or WATTRACE_VLLM_PYTHON",
        ) from None
    if complaint := (accepted or shipped()).complaint(arm.args):
        if accepted:
            raise ArgumentRefused(label, complaint.problem, remedy=complaint.remedy)
        remedy = f"; {complaint.remedy}" if complaint.remedy else ""
        return None, [f"arm {label}: its vLLM does not say what it takes, and {complaint.problem}{remedy}"]
    return accepted, []


def _defaults(demo: Demo, arm: Arm, label: str, share: float | None) -> dict[str, JsonValue]:
    """Arguments that the demo may overrule."""
    if demo.on_cpu:
        return dict(_CPU_ARGS)
    gpus = demo.gpus_of(label)
    arguments: dict[str, JsonValue] = {}
    if not arm.args.keys() & {"gpu_memory_utilization", "device_memory_utilization"}:
        arguments["gpu_memory_utilization"] = share or share_out(claims(demo), {}).of[label].share
    if len(gpus) > 1 and not any(name.endswith("_parallel_size") for name in arm.args):
        arguments["tensor_parallel_size"] = len(gpus)
    return arguments


def _gpu_env(demo: Demo, arm: Arm, label: str) -> dict[str, str]:
    """Let CUDA see just the arm's GPUs, numbered as NVML does: else it would run on others than are measured."""
    gpus = ",".join(map(str, demo.gpus_of(label)))
    if arm.env.get("CUDA_VISIBLE_DEVICES", gpus) != gpus:
        problem = f"its env sets CUDA_VISIBLE_DEVICES, but what is measured is GPU {gpus}"
        raise ArgumentRefused(label, problem, remedy="take it out, and name the GPUs in the arm's gpus")
    return {"CUDA_VISIBLE_DEVICES": gpus, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def _interpreter(arm: Arm, label: str, *, on_cpu: bool) -> str:
    named = arm.python or os.environ.get("WATTRACE_VLLM_PYTHON")
    if named:
        if not os.access(named, os.X_OK):
            raise ArmUnavailable(label, f"its interpreter {named} is not there", remedy="correct its path")
        return named
    if on_cpu:
        built = find_interpreter()
        if built is None:
            raise ArmUnavailable(
                label,
                "no vLLM for the CPU on this machine",
                remedy="run `make engine-cpu`, name an interpreter in WATTRACE_VLLM_PYTHON, or use --simulate",
            )
        return str(built)
    if importlib.util.find_spec("vllm") is None:
        raise ArmUnavailable(
            label,
            "no vLLM on this machine",
            remedy="install vllm in an environment of its own and name its interpreter in WATTRACE_VLLM_PYTHON, "
            "or use --simulate",
        )
    return sys.executable


def _model(demo: Demo, label: str) -> str:
    if not demo.on_cpu:
        assert demo.model.gpu is not None, "config checks that the chosen device has a model"
        return demo.model.gpu
    assert demo.model.cpu is not None, "config checks that the chosen device has a model"
    folder = find_model(demo.model.cpu) or Path(demo.model.cpu)
    if not (folder / "config.json").is_file():
        raise ArmUnavailable(
            label,
            f"the model folder {demo.model.cpu!r} is not there",
            remedy="run `make engine-cpu`, or name a folder that holds a config.json in the demo's model.cpu",
        )
    return str(folder)
