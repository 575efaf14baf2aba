"""What a plan makes of a demo on a machine without a GPU."""

import sys
from pathlib import Path
from typing import Any

import pytest

from engine.arms.openai import ApiKey, OpenAiLaunch, is_own_host
from engine.arms.server import Launch
from engine.config import Demo, parse_demo
from engine.errors import ArgumentRefused, ArmUnavailable, NoDevice
from engine.plan import Plan, gpus, make_plan

COMMAND = "{name: x, runtime: command, command: ['{python}', -V]}"


def demo(*arms: str, more: str = "") -> Demo:
    listed = "\n".join(f"- {arm}" for arm in arms)
    return parse_demo(f"title: T\n{more}\narms:\n{listed}\n", file="test")


def planned(folder: Path, made: Demo, **options: Any) -> Plan:
    return make_plan("test", made, folder=folder, **options)


def infos(plan: Plan, *indices: int) -> list[tuple[str, str, list[str]]]:
    devices: Any = {"devices": [{"index": index} for index in indices]}
    return [(info.runtime, info.unit, info.devices) for info in plan.arm_infos(devices)]


VLLM = ("{name: a, args: {max_num_seqs: 1}}", "{name: b, args: {max_num_seqs: 8}}")


def test_by_turns_all_simulated_arms_are_on_one_gpu(tmp_path: Path) -> None:
    plan = planned(tmp_path, demo(*VLLM, more="model: {gpu: m}"), simulate=True)
    assert infos(plan, 0) == [("simulated", "token", ["gpu0"])] * 2
    assert plan.simulated_arms and not plan.publishes_occupancy and plan.power == "simulated"
    assert plan.occupancy is not None and plan.occupancy.gpus == [0] and plan.occupancy.slots_of(0) == [0, 1]


def test_in_parallel_each_simulated_arm_has_its_own(tmp_path: Path) -> None:
    plan = planned(tmp_path, demo(*VLLM, more="model: {gpu: m}\nschedule: {mode: parallel}"), simulate=True)
    assert infos(plan, 0, 1) == [("simulated", "token", ["gpu0"]), ("simulated", "token", ["gpu1"])]
    assert plan.occupancy is not None and [plan.occupancy.slots_of(gpu) for gpu in (0, 1)] == [[0], [1]]


def test_simulated_gpus_are_counted_whatever_they_are_called(tmp_path: Path) -> None:
    arms = ("{name: a, gpus: [GPU-x, 7]}", "{name: b, gpus: [GPU-y]}")
    plan = planned(tmp_path, demo(*arms, more="model: {gpu: m}\nschedule: {mode: parallel}"), simulate=True)
    assert [arm.devices for arm in plan.arms] == [["gpu0", "gpu1"], ["gpu2"]]
    assert infos(plan, 0, 2)[0][2] == ["gpu0"], "what the sampler does not have is not promised"


def test_a_command_is_real_even_where_all_else_is_simulated(tmp_path: Path) -> None:
    plan = planned(tmp_path, demo(COMMAND, COMMAND.replace("x", "y")), simulate=True)
    assert infos(plan, 0) == [("command", "unit", ["gpu0"])] * 2
    assert not plan.simulated_arms and plan.publishes_occupancy
    launch: Any = plan.arm("A").launch
    assert launch.command == [sys.executable, "-V"] and launch.env["PYTHONUNBUFFERED"] == "1"
    assert plan.arm("A").requested == {"command": ["{python}", "-V"]} and plan.arm("A").concurrency is None


def test_simulated_an_openai_arm_is_a_simulated_server(tmp_path: Path) -> None:
    arms = ("{name: o, runtime: openai, url: 'http://x.invalid/v1', api_key_env: NOT_SET}", VLLM[0])
    plan = planned(tmp_path, demo(*arms, more="model: {gpu: m}"), simulate=True)
    assert [arm.runtime for arm in plan.arms] == ["simulated"] * 2 and isinstance(plan.arm("A").launch, Launch)


def test_each_arm_has_its_own_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTRACE_VLLM_PYTHON", "/bin/sh")
    arms = ("{name: o, runtime: openai, url: 'http://127.0.0.1:1/v1', model: m, concurrency: 3}", VLLM[0])
    plan = planned(tmp_path, demo(*arms, more="model: {gpu: m}"), power="simulated")
    assert infos(plan, 0) == [("openai", "token", ["gpu0"]), ("vllm", "token", ["gpu0"])]
    assert [arm.concurrency for arm in plan.arms] == [3, 8]
    assert plan.arm("A").requested == {"url": "http://127.0.0.1:1/v1", "model": "m"}


def test_a_race_on_the_cpu_says_which_permission_its_energy_counter_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race goes on without watts; its notes are the first warnings of its recording."""
    counter = "/sys/class/powercap/intel-rapl:0/energy_uj"

    def refused(kind: str, **_: object) -> None:
        assert kind == "rapl"
        raise NoDevice(f"no permission to read {counter}", remedy=f"sudo chmod a+r {counter}")

    monkeypatch.setattr("engine.plan.making.find_sources", refused)
    plan = planned(tmp_path, demo(COMMAND, COMMAND.replace("x", "y", 1), more="device: cpu"))
    assert plan.power is None
    (note,) = [note for note in plan.notes if "power sensor" in note]
    assert f"no permission to read {counter}" in note and f"sudo chmod a+r {counter}" in note


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArmUnavailable, match="arm B: there is no program 'no-such-program' that may be run"):
        planned(tmp_path, demo(COMMAND, "{name: y, runtime: command, command: [no-such-program]}"), power="simulated")


def test_a_refused_argument_is_no_reason_to_simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    wrong = demo("{name: a, args: {max_num_seq: 1}}", VLLM[1], more="model: {gpu: m}")
    with pytest.raises(ArgumentRefused, match="max_num_seq"):
        planned(tmp_path, wrong, simulate=True, fall_back=True)


def test_what_is_missing_is_a_reason_to_fall_back_only_where_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MISSING_KEY", raising=False)
    url = "url: 'http://127.0.0.1:1/v1', api_key_env: MISSING_KEY"
    made = demo(f"{{name: o, runtime: openai, {url}}}", f"{{name: b, runtime: openai, {url}}}")
    with pytest.raises(ArmUnavailable, match="MISSING_KEY"):
        planned(tmp_path, made)
    plan = planned(tmp_path, made, fall_back=True)
    assert plan.simulated_arms and "MISSING_KEY" in plan.notes[0]


def test_arms_that_are_all_far_away_leave_nothing_to_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.arms.openai.is_own_host", lambda host: False)
    made = demo(*(f"{{name: {name}, runtime: openai, url: 'http://far/v1'}}" for name in "ab"))
    plan = planned(tmp_path, made)
    assert plan.power is None and any("no arm runs on this machine" in note for note in plan.notes)
    assert infos(plan) == [("openai", "token", [])] * 2


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("localhost", True), ("192.0.2.1", False), ("no-such-host.invalid", False), ("", False)],
)
def test_own_addresses_are_known(host: str, own: bool) -> None:
    assert is_own_host(host) is own


def test_a_key_shows_itself_to_nobody() -> None:
    launch = OpenAiLaunch("http://x/v1", key=ApiKey("secret"))
    assert "secret" not in repr(launch) + str(launch) + f"{launch.key}" + str(vars(launch))
    assert launch.key.scrub("it was secret!") == "it was ***!" and ApiKey().scrub("x") == "x"
    assert launch.key.headers == {"Authorization": "Bearer secret"} and ApiKey().headers == {}


def test_gpus_are_counted_over_those_that_a_batch_system_gave() -> None:
    made = demo(*VLLM, more="model: {gpu: m}\nschedule: {mode: parallel}")
    assert gpus.wanted(made, {}) == {"A": [0], "B": [1]}
    assert gpus.wanted(made, {"CUDA_VISIBLE_DEVICES": "4,GPU-x"}) == {"A": [4], "B": ["GPU-x"]}
    with pytest.raises(NoDevice, match="arm B needs a GPU of its own, and CUDA_VISIBLE_DEVICES has 1"):
        gpus.wanted(made, {"CUDA_VISIBLE_DEVICES": "4"})
    named = demo("{name: a, gpus: [2]}", VLLM[1], more="model: {gpu: m}")
    assert gpus.wanted(named, {"CUDA_VISIBLE_DEVICES": "4"}) == {"A": [2], "B": [4]}, "what a demo names counts"
