"""An arm's arguments against what its vLLM accepts, asked of an interpreter (a child process) or the shipped list."""

import os
import stat
import sys
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from engine.arguments import asking
from engine.arguments.accepted import Accepted, shipped
from engine.arguments.asking import NoAnswer, NoVllm, accepted_by, ask
from engine.arms.simulated import simulated_launch
from engine.arms.vllm import vllm_launch
from engine.config import Demo, demo_names, load_demo, parse_demo
from engine.errors import ArgumentRefused, ArmUnavailable
from engine.simulator.flags import OWN_ARGUMENTS, parse

ANSWER = {
    "vllm": "0.99.0",
    "server": "vllm.new.place",
    "arguments": {
        "max_num_seqs": {"kind": "integer"},
        "warp_factor": {"kind": "number"},
        "gpu_memory_utilization": {"kind": "number"},
    },
}


def interpreter(folder: Path, answer: object, *, lines: str = "INFO some noise") -> Path:
    """A program that answers like an interpreter with some vLLM, and counts how often it was asked."""
    file = folder / "python"
    said = f"wattrace: {orjson.dumps(answer).decode()}" if answer is not None else ""
    file.write_text(f"#!/bin/sh\necho x >> {folder}/asked\ncat <<'END'\n{lines}\n{said}\nEND\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def asked(folder: Path) -> int:
    file = folder / "asked"
    return len(file.read_text().split()) if file.exists() else 0


@pytest.mark.parametrize(
    ("arguments", "problem", "remedy"),
    [
        ({"max_num_sequences": 1}, "no argument 'max_num_sequences'", "did you mean 'max_num_seqs'?"),
        ({"max-num-seqs": 1}, "no argument 'max-num-seqs'", "did you mean 'max_num_seqs'?"),
        ({"max_num_s": 1}, "no argument 'max_num_s'", "did you mean 'max_num_seqs'?"),  # vLLM would take a prefix
        ({"eager": True}, "no argument 'eager'", "did you mean 'enforce_eager'?"),
        ({"batch_size": 8}, "no argument 'batch_size'", "did you mean 'max_num_seqs'?"),
        ({"zzz": 8}, "no argument 'zzz'", ""),
        ({"dtype": "bf16"}, "'dtype' of vLLM 0.32.0 does not take 'bf16'", "did you mean 'bfloat16'?"),
        ({"dtype": "fp16"}, "does not take 'fp16'", "did you mean 'float16'?"),
        ({"quantization": "fp-8"}, "does not take 'fp-8'", "did you mean 'fp8'?"),
        ({"performance_mode": "x"}, "does not take 'x'", "it takes balanced, interactivity, throughput"),
        ({"speculative_config": {"methd": "ngram"}}, "has no key 'methd'", "did you mean 'method'?"),
        ({"max_num_seqs": "eight"}, "takes a whole number, not 'eight'", ""),
        ({"max_num_seqs": True}, "takes a whole number, not True", ""),
        ({"gpu_memory_utilization": "much"}, "takes a number, not 'much'", ""),
        ({"enforce_eager": "yes"}, "takes true or false, not 'yes'", ""),
        ({"attention_backend": True}, "takes a value, not True", ""),
        ({"cudagraph_capture_sizes": {"a": 1}}, "takes a list", ""),
        ({"port": 80}, "set by wattrace", "take it out"),
        ({"api_key": "x"}, "cut wattrace's clients off", "take it out"),
        ({"hf_token": "x"}, "written into the recording", "set HF_TOKEN"),
    ],
)
def test_what_vllm_does_not_take_is_named(arguments: dict[str, JsonValue], problem: str, remedy: str) -> None:
    complaint = shipped().complaint(arguments)
    assert complaint is not None and problem in complaint.problem
    assert complaint.remedy.startswith(remedy) if remedy else complaint.remedy == ""


def test_what_vllm_takes_passes() -> None:
    arguments: dict[str, JsonValue] = {
        "max_num_seqs": 8,
        "max_num_batched_tokens": "8k",
        "max_model_len": 4096,
        "gpu_memory_utilization": 0.4,
        "device_memory_utilization": "0.4",
        "dtype": "bfloat16",
        "quantization": None,
        "kv_cache_dtype": "fp8_e4m3",
        "enforce_eager": False,
        "disable_log_stats": True,
        "cudagraph_capture_sizes": [1, 2, 4],
        "compilation_config": {"cudagraph_mode": "FULL", "pass_config": {"fuse_act_quant": True}},
        "speculative_config": {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 4},
        "attention_backend": "FLASH_ATTN",
        "max_lora_rank": 16,
        "optimization_level": 0,
    }
    assert shipped().complaint(arguments) is None
    assert shipped().complaint({"startup_seconds": 1}, extra=OWN_ARGUMENTS) is None


@pytest.mark.parametrize("name", demo_names())
def test_the_demos_that_are_shipped_ask_for_what_there_is(name: str) -> None:
    for arm in load_demo(name)[1].arms:
        assert shipped().complaint(arm.args, extra=OWN_ARGUMENTS) is None


@given(st.text(min_size=1, max_size=30), st.none() | st.booleans() | st.integers() | st.text(max_size=9))
def test_any_name_and_value_is_judged(name: str, value: JsonValue) -> None:
    complaint = shipped().complaint({name: value})
    assert complaint is not None or name in shipped().arguments


def test_the_simulator_takes_just_what_the_list_has() -> None:
    for name, argument in shipped().arguments.items():
        option = f"--{name.replace('_', '-')}"
        if argument.kind in ("switch", "flag"):
            parse([option])
        elif name in ("compilation_config", "speculative_config"):
            parse([option, "{}"])
        else:
            parse([option, argument.choices[0] if argument.choices else "1"])
    with pytest.raises(SystemExit):
        parse(["--max-num-sequences", "1"])


def test_an_interpreter_is_asked_once(tmp_path: Path) -> None:
    python = interpreter(tmp_path, ANSWER)
    kept = tmp_path / "kept"
    first = accepted_by(str(python), folder=kept)
    assert first is not None and first.version == "0.99.0" and "warp_factor" in first.arguments
    assert accepted_by(str(python), folder=kept) == first
    assert asked(tmp_path) == 1
    os.utime(python, ns=(1, 1))  # another interpreter, or another vLLM in it
    assert accepted_by(str(python), folder=kept) == first
    assert asked(tmp_path) == 2
    assert accepted_by(str(python), {"PYTHONPATH": "/elsewhere"}, folder=kept) == first
    assert asked(tmp_path) == 3


def test_a_changed_vllm_is_asked_anew(tmp_path: Path) -> None:
    package = tmp_path / "vllm.py"
    package.write_text("old")
    python = interpreter(tmp_path, {**ANSWER, "files": [str(package)]})
    for times in (1, 1):
        accepted_by(str(python), folder=tmp_path / "kept")
        assert asked(tmp_path) == times
    os.utime(package, ns=(1, 1))
    accepted_by(str(python), folder=tmp_path / "kept")
    assert asked(tmp_path) == 2
    package.unlink()
    assert accepted_by(str(python), folder=tmp_path / "kept") is not None
    assert asked(tmp_path) == 3


def test_a_spoilt_cache_and_a_full_disk_only_cost_time(tmp_path: Path) -> None:
    python = interpreter(tmp_path, ANSWER)
    kept = tmp_path / "kept"
    accepted_by(str(python), folder=kept)
    (file,) = kept.iterdir()
    file.write_bytes(b'{"depends": 3}')
    assert accepted_by(str(python), folder=kept) is not None
    assert accepted_by(str(python), folder=Path("/proc/nowhere")) is not None
    assert asked(tmp_path) == 3


@pytest.mark.parametrize("answer", [{"vllm": "1"}, {"vllm": "1", "server": "s", "arguments": {"a": {}}}])
def test_a_vllm_that_does_not_tell_judges_for_itself(tmp_path: Path, answer: object) -> None:
    assert accepted_by(str(interpreter(tmp_path, answer)), folder=tmp_path / "kept") is None


@pytest.mark.parametrize("answer", [None, []])
def test_who_does_not_even_say_whether_there_is_a_vllm(tmp_path: Path, answer: object) -> None:
    for python in (str(interpreter(tmp_path, answer)), "/no/such/python", "/bin/true"):
        with pytest.raises(NoAnswer):
            accepted_by(python, folder=tmp_path / "kept")


def test_nobody_waits_twice_for_an_interpreter_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_SECONDS", 2.0)
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho x >> {tmp_path}/asked\nexec sleep 600\n")
    python.chmod(0o755)
    for _ in range(2):
        with pytest.raises(NoAnswer):
            accepted_by(str(python), folder=tmp_path / "kept")
    assert asked(tmp_path) == 1


def test_a_vllm_whose_parser_is_elsewhere_is_a_vllm_all_the_same(tmp_path: Path) -> None:
    package = tmp_path / "vllm"
    package.mkdir()
    (package / "__init__.py").write_text("__version__ = '9.9.9'\n")
    answer = ask(sys.executable, {**os.environ, "PYTHONPATH": str(tmp_path)})
    assert answer is not None and answer["vllm"] == "9.9.9" and "make_arg_parser" in answer["untold"]
    (package / "__init__.py").write_text("raise ImportError('libcuda.so.1')\n")
    assert ask(sys.executable, {**os.environ, "PYTHONPATH": str(tmp_path)}) is None


@pytest.mark.parametrize("answer", [{"vllm": "1"}, None])
def test_what_a_silent_vllm_may_not_take_is_a_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    """By the list that is shipped, which is of one version: no reason to refuse."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    python = interpreter(tmp_path, answer)
    wrong, right = demo("{warp_facter: 9}", python), demo("{max_num_seqs: 9}", python)
    (doubt,) = vllm_launch(wrong, wrong.arms[0], "A").doubts
    assert doubt.startswith("arm A: its vLLM does not say what it takes, and vLLM 0.32.0 has no argument 'warp_facter'")
    assert vllm_launch(right, right.arms[0], "A").doubts == []


def test_an_interpreter_without_vllm_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoVllm):
        accepted_by(str(interpreter(tmp_path, {"vllm": None})), folder=tmp_path / "kept")


def test_the_question_is_understood_by_a_real_python(tmp_path: Path) -> None:
    """This test's own interpreter, which has no vLLM (or, in one environment with it, has)."""
    import importlib.util

    if importlib.util.find_spec("vllm") is None:
        with pytest.raises(NoVllm):
            accepted_by(sys.executable, folder=tmp_path)
    else:
        assert isinstance(accepted_by(sys.executable, folder=tmp_path), Accepted)


def demo(arguments: str, python: object = "", **env: str) -> Demo:
    extra = f", python: {python}" if python else ""
    extra += f", env: {orjson.dumps(env).decode()}" if env else ""
    return parse_demo(
        f"title: T\nmodel: {{gpu: m}}\narms: [{{name: a, args: {arguments}{extra}}}, {{name: b}}]", file="f"
    )


def test_a_launch_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    wrong = demo("{warp_facter: 9}", interpreter(tmp_path, ANSWER))
    with pytest.raises(ArgumentRefused) as refused:
        vllm_launch(wrong, wrong.arms[0], "A")
    assert str(refused.value) == "arm A: vLLM 0.99.0 has no argument 'warp_facter'; did you mean 'warp_factor'?"
    assert refused.value.exit_code == 2
    with pytest.raises(ArgumentRefused, match=r"arm A: vLLM 0\.32\.0 has no argument 'warp_facter'"):
        simulated_launch(wrong, wrong.arms[0], slot=0, occupancy=tmp_path)


def test_a_launch_starts_the_server_where_this_vllm_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    right = demo("{warp_factor: 9}", interpreter(tmp_path, ANSWER))
    launch = vllm_launch(right, right.arms[0], "A")
    assert "-m vllm.new.place --model m" in " ".join(launch.command)
    assert launch.effective == {"gpu_memory_utilization": 0.45, "warp_factor": 9}


def test_an_interpreter_without_vllm_is_no_arms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bare = demo("{}", interpreter(tmp_path, {"vllm": None}))
    with pytest.raises(ArmUnavailable, match=r"there is no vLLM in .*python; install vllm there"):
        vllm_launch(bare, bare.arms[0], "A")


def test_an_arm_sees_the_gpus_that_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTRACE_VLLM_PYTHON", "/bin/sh")
    two = parse_demo("title: T\nmodel: {gpu: m}\narms: [{name: a, gpus: [2, 3]}, {name: b, gpus: [GPU-7]}]", file="f")
    launches = [vllm_launch(two, arm, label) for arm, label in zip(two.arms, two.labels, strict=True)]
    assert [launch.env["CUDA_VISIBLE_DEVICES"] for launch in launches] == ["2,3", "GPU-7"]
    assert "--gpu-memory-utilization 0.9 --tensor-parallel-size 2" in " ".join(launches[0].command)
    assert "parallel" not in " ".join(launches[1].command)
    crossed = demo("{}", CUDA_VISIBLE_DEVICES="1")
    with pytest.raises(ArgumentRefused, match="what is measured is GPU 0"):
        vllm_launch(crossed, crossed.arms[0], "A")


def test_sleep_mode_brings_its_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTRACE_VLLM_PYTHON", "/bin/sh")
    plain = demo("{}")
    launch = vllm_launch(plain, plain.arms[0], "A", share=0.8, sleeps=True)
    assert launch.env["VLLM_SERVER_DEV_MODE"] == "1"
    assert "--gpu-memory-utilization 0.8 --enable-sleep-mode" in " ".join(launch.command)
    assert "VLLM_SERVER_DEV_MODE" not in vllm_launch(plain, plain.arms[0], "A").env
