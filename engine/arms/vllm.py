"""The real arm: a vLLM server in its own interpreter, on a GPU or on the CPU."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from engine.arms.flags import flags
from engine.arms.server import Launch
from engine.config import Arm, Demo
from engine.cpu_build.location import find_interpreter, find_model
from engine.errors import ArmUnavailable

_READY_SECONDS = 600.0
"""Loading, compiling and capturing graphs of a large model takes minutes."""

_QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
_CPU_ENV = {"OMP_NUM_THREADS": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "HF_HUB_OFFLINE": "1"}

# Without a size vLLM's CPU build takes most of the RAM for its cache; 128 MiB serve eight short answers, but not one
# of the model's full 8,192 tokens, which vLLM would insist on.
_CPU_ARGS: Mapping[str, JsonValue] = {
    "enforce_eager": True,
    "kv_cache_memory_bytes": 134_217_728,
    "max_model_len": 2048,
}


def vllm_launch(demo: Demo, arm: Arm, label: str) -> Launch:
    """How to start `arm`; raises ArmUnavailable naming what this machine lacks and how to get it."""
    python = _interpreter(arm, label, on_cpu=demo.on_cpu)
    model = _model(demo, label)
    defaults = _CPU_ARGS if demo.on_cpu else {"gpu_memory_utilization": round(0.9 / len(demo.arms), 3)}
    arguments = {**defaults, **arm.args}
    # The console script of some builds looks for a distribution called vllm; the module works with every build.
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", model]
    command += ["--served-model-name", "arm", "--host", "127.0.0.1", "--port", "{port}", *flags(arguments)]
    env = {**_QUIET, **(_CPU_ENV if demo.on_cpu else {}), **arm.env}
    return Launch(command, model="arm", ready_seconds=_READY_SECONDS, env=env, effective=dict(arguments))


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
