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
        "cudagraph_capture_sizes": [1, 2],
        "allowed_origins": ["a", "b"],
        "disable_log_stats": False,
    }
    assert flags(arguments) == [
        "--max-num-seqs", "8", "--enforce-eager", "--no-enable-prefix-caching", "--dtype", "bfloat16",
        "--speculative-config", '{"method":"ngram"}', "--cudagraph-capture-sizes", "1", "2",
        "--allowed-origins", '["a","b"]',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB", "out of memory"),
        (
            "ValueError: Free memory on device cuda:0 (7.34/139.72 GiB) on startup is less than desired GPU memory "
            "utilization (0.9, 125.75 GiB). Decrease GPU memory utilization or reduce GPU memory used by others.",
            "has 7.34 of 139.72 GiB free and gpu_memory_utilization 0.9 asks for 125.75",
        ),
        ("ValueError: No available memory for the cache blocks. Try increasing `gpu_", "leave no memory for its cache"),
        (
            "ValueError: To serve at least one request with the model's max seq len (131072), (8.00 GiB KV cache is "
            "needed, which is larger than the available KV cache memory (2.10 GiB). Based on the available memory, "
            "the estimated maximum model length is 34400. Try increasing `gpu_memory_utilization`",
            "too small for one request of max_model_len",
        ),
        ("OSError: [Errno 98] Address already in use", "port was taken"),
        ("api_server.py: error: unrecognized arguments: --max-num-seq 1", "the argument --max-num-seq 1"),
        ("api_server.py: error: argument --dtype: invalid choice: 'bf17'", "refuses the argument --dtype"),
        ("api_server.py: error: argument --quantization/-q: expected one argument", "--quantization: expected one"),
        ("ModuleNotFoundError: No module named 'vllm'", "no package vllm"),
        ("OSError: You are trying to access a gated repo.", "set HF_TOKEN"),
        ("OSError: m/n is not a local folder and is not a valid model identifier", "the model is not on this machine"),
        ("Access to model google/gemma-3-4b-pt is restricted and you are not in the authorized list", "is gated"),
        ("OSError: We couldn't connect to 'https://huggingface.co' to load the files", "not in the local cache"),
        (
            "ValueError: The quantization method fp8 is not supported for the current GPU. Minimum capability: 89. "
            "Current capability: 80.",
            "fp8 needs a GPU of compute capability 89 (written without its point), this one has 80",
        ),
        ("AssertionError: fp8e4nv not supported in this architecture", "needs compute capability 8.9"),
        (
            "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4",
            "set dtype to float16",
        ),
        ("ValueError: Unknown quantization method: fp9. Must be one of ['awq']", "choose another quantization"),
        ("torch.AcceleratorError: CUDA error: invalid device ordinal", "CUDA_VISIBLE_DEVICES"),
        ("RuntimeError: No CUDA GPUs are available", "the GPU that it was given is not there"),
        ("AssertionError: DP adjusted local rank 1 is out of bounds.", "on more GPUs than it was given"),
        ("RuntimeError: Failed to infer device type, please set", "finds no device"),
        ("  Value error, Sleep mode is not supported on current platform. [type=value_error, inp", "no sleep mode"),
        (
            "  Value error, max_num_seqs must be positive [type=value_error, input_value=A",
            "max_num_seqs must be positive",
        ),
    ],
)
def test_last_words_are_explained(line: str, says: str) -> None:
    assert says in plain_cause(["INFO something", line, "INFO later"])


def test_the_first_cause_goes_before_what_follows_from_it() -> None:
    """vLLM's last lines, of a server on a CPU that was told to have sleep mode."""
    lines = [
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
        "  Value error, Sleep mode is not supported on current platform. [type=value_error, input_value=ArgsKwargs()]",
        "    For further information visit https://errors.pydantic.dev/2.14/v/value_error",
    ]
    assert plain_cause(lines) == "this platform has no sleep mode: take enable_sleep_mode out"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate",
            "its device is out of memory: give it a smaller",
        ),
        ("ModuleNotFoundError: No module named 'datasets'", "no package datasets: install it there"),
        ("RuntimeError: No CUDA GPUs are available", "the GPU that it was given is not there"),
        ("OSError: [Errno 98] Address already in use", "a port that it wants was taken"),
        ("OSError: You are trying to access a gated repo.", "set HF_TOKEN"),
        ("train.py: error: unrecognized arguments: --lr", ""),
    ],
)
def test_a_commands_last_words_are_explained_without_vllm(line: str, says: str) -> None:
    cause = plain_cause([line], vllm=False)
    assert says in cause and "vLLM" not in cause and bool(cause) is bool(says)


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
