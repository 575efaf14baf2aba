"""What surrounds an arm's process: its flags, its launch, and what its last words mean."""

from pathlib import Path

import pytest

from engine.arms.diagnosis import plain_cause
from engine.arms.flags import flags
from engine.arms.vllm import vllm_launch
from engine.config import Demo, load_demo, parse_demo
from engine.errors import ArmExited, ArmUnavailable


def test_arguments_become_flags_as_vllm_spells_them() -> None:
    arguments = {
        "max_num_seqs": 8,
        "enforce_eager": True,
        "enable_prefix_caching": False,
        "dtype": "bfloat16",
        "quantization": None,
        "speculative_config": {"method": "ngram"},
    }
    assert flags(arguments) == [
        "--max-num-seqs", "8", "--enforce-eager", "--no-enable-prefix-caching", "--dtype", "bfloat16",
        "--speculative-config", '{"method":"ngram"}',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB", "out of memory"),
        ("OSError: [Errno 98] Address already in use", "port was taken"),
        ("api_server.py: error: unrecognized arguments: --max-num-seq 1", "the argument --max-num-seq 1"),
        ("api_server.py: error: argument --dtype: invalid choice: 'bf17'", "refuses the argument --dtype"),
        ("ModuleNotFoundError: No module named 'vllm'", "no package vllm"),
    ],
)
def test_last_words_are_explained(line: str, says: str) -> None:
    assert says in plain_cause(["INFO something", line, "INFO later"])


def test_unknown_last_words_are_quoted() -> None:
    assert plain_cause(["INFO hello"]) == ""
    assert str(ArmExited("A", code=3, log_tail=["bye"])) == "arm A: its process exited with status 3; bye"
    assert "was killed by SIGKILL" in str(ArmExited("B", code=-9))


def cpu_demo() -> Demo:
    return load_demo("batch-1-vs-8-cpu")[1]


def test_without_an_engine_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WATTRACE_CPU_ENGINE", str(tmp_path))
    monkeypatch.delenv("WATTRACE_VLLM_PYTHON", raising=False)
    with pytest.raises(ArmUnavailable, match="make engine-cpu"):
        vllm_launch(cpu_demo(), cpu_demo().arms[0], "A")


def test_a_missing_model_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WATTRACE_CPU_ENGINE", str(tmp_path))
    monkeypatch.setenv("WATTRACE_VLLM_PYTHON", "/bin/sh")
    with pytest.raises(ArmUnavailable, match=r"model folder 'smollm2-135m' is not there; run `make engine-cpu`"):
        vllm_launch(cpu_demo(), cpu_demo().arms[0], "A")


def test_a_wrong_interpreter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTRACE_VLLM_PYTHON", "/no/such/python")
    with pytest.raises(ArmUnavailable, match="/no/such/python is not there"):
        vllm_launch(cpu_demo(), cpu_demo().arms[0], "A")


def test_gpu_arms_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTRACE_VLLM_PYTHON", "/bin/sh")
    demo = parse_demo("title: T\nmodel: {gpu: m}\narms: [{name: a}, {name: b, args: {dtype: float16}}]", file="f")
    launch = vllm_launch(demo, demo.arms[1], "B")
    words = " ".join(launch.command)
    assert "-m vllm.entrypoints.openai.api_server --model m" in words
    assert "--gpu-memory-utilization 0.45 --dtype float16" in words
