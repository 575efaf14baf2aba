"""What the doctor makes of facts: how bad each is, and what to do."""

from pathlib import Path
from typing import Any

import pytest

from engine.config import Demo
from engine.doctor import boards, contenders, host, memory, needs, sensors
from engine.doctor.findings import Finding, Refusal, could_race
from engine.doctor.looking import process_ids
from engine.errors import ArmError

REFUSED = Refusal("no driver", "install it")
DEMO = {
    "title": "A race",
    "model": {"gpu": "m/one", "cpu": "one"},
    "arms": [{"name": "one"}, {"name": "two"}],
}
GIB = 2**30


def demo(**more: Any) -> Demo:
    return Demo.model_validate({**DEMO, **more})


def levels(findings: Any) -> list[str]:
    return [finding.level for finding in findings]


def report(**more: Any) -> dict[str, Any]:
    return {"achieved_hz": 99.9, "asked_hz": 100.0, "reasons": [], "counter_per_second": 10.0, **more}


def test_only_problems_stand_in_the_way() -> None:
    fine, odd, wrong = (
        Finding("x", "ok", "words"),
        Finding("x", "warning", "w", "do"),
        Finding("x", "problem", "p", "do"),
    )
    assert could_race([fine, odd]) and not could_race([fine, wrong, odd])
    assert wrong.as_dict() == {"check": "x", "level": "problem", "text": "p", "remedy": "do"}


@pytest.mark.parametrize("level", ["warning", "problem"])
def test_what_is_not_ok_cannot_be_said_without_a_remedy(level: Any) -> None:
    with pytest.raises(ValueError, match="without a remedy"):
        Finding("x", level, "words")


# -- GPUs


def test_a_driver_is_missed_only_where_it_is_needed() -> None:
    assert boards.driver(REFUSED, [], needed=True) == Finding("driver", "problem", "no driver", "install it")
    assert boards.driver(REFUSED, [], needed=False).level == "ok"
    assert boards.driver(None, [{"driver": "580.65"}], needed=True).text == "NVIDIA driver 580.65, 1 GPU"


def test_a_gpu_that_the_demo_names_must_be_there() -> None:
    there = [{"index": 0, "uuid": "GPU-0"}, {"index": 1, "uuid": "GPU-1"}]
    assert levels(boards.wanted_gpus([0, "GPU-1"], there)) == ["ok", "ok"]
    found = list(boards.wanted_gpus([0, 2, "GPU-9"], there))
    assert levels(found) == ["ok", "problem", "problem"] and "1 (GPU-1)" in found[1].text


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ({"persistence": True, "power_limit_watts": 700.0, "power_limit_default_watts": 700.0}, ["ok", "ok"]),
        ({"persistence": False, "power_limit_watts": 400.0, "power_limit_default_watts": 700.0}, ["warning"] * 2),
        ({"persistence": None, "power_limit_watts": None, "power_limit_default_watts": None}, []),
        ({"mig": True}, ["warning"]),
        ({"clock_sm_application_megahertz": 1200, "clock_sm_application_default_megahertz": 1755}, ["warning"]),
        ({"clock_sm_application_megahertz": 1755, "clock_sm_application_default_megahertz": 1755}, ["ok"]),
        ({}, []),
    ],
)
def test_how_a_board_is_set_up(device: dict[str, Any], expected: list[str]) -> None:
    found = list(boards.board({"index": 3, **device}))
    assert levels(found) == expected
    assert all(("-i 3" in finding.remedy) == (finding.level == "warning") for finding in found)


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0x2, "held by a setting"),
        (0x4, "power limit"),
        (0x8, "hardware slows"),
        (0x20, "driver slows"),
        (0x40, "hardware slows"),
        (0x80, "brake"),
    ],
)
def test_what_holds_the_clocks_down_is_said_with_its_remedy(bits: int, words: str) -> None:
    [found] = boards.held_back({"index": 3}, {"throttle_reasons": bits})
    assert found.level == "warning" and words in found.text and "{" not in found.remedy


def test_an_idle_board_is_held_back_by_nothing() -> None:
    [found] = boards.held_back({"index": 0}, {"throttle_reasons": 0x1, "temperature_celsius": 44})
    assert found.level == "ok" and "(44 °C)" in found.text
    assert list(boards.held_back({"index": 0}, {})) == [], "a driver that does not tell"
    assert len(list(boards.held_back({"index": 0}, {"throttle_reasons": 0x4 | 0x20}))) == 2


def test_foreign_programs_are_named_where_their_names_may_be_read() -> None:
    [device] = [{"index": 1}]
    assert boards.foreign(device, {}).level == boards.foreign(device, None).level == "ok"
    found = boards.foreign(device, {41: "train.py", 42: None})
    assert found.level == "warning" and "41 (train.py), 42 (its name is hidden from here)" in found.text
    assert "2 other programs" in found.text


@pytest.mark.parametrize(
    ("row", "ids"), [({"compute_process_ids": "41,42"}, [41, 42]), ({"compute_process_ids": ""}, []), ({}, None)]
)
def test_the_processes_in_a_devices_newest_row(row: dict[str, Any], ids: Any) -> None:
    assert process_ids(row) == ids


# -- what the operator sets up


BOARD = {
    "index": 1,
    "uuid": "GPU-1",
    "power_limit_default_watts": 700.0,
    "power_limit_watts": 700.0,
    "power_limit_range_watts": [200.0, 700.0],
}


@pytest.mark.parametrize(
    ("need", "present", "level", "remedy"),
    [
        ("power limit of GPU 1: 60 %", 420.0, "ok", ""),
        ("power limit of GPU 1: 60 %", 700.0, "problem", "sudo nvidia-smi -i 1 -pl 420"),
        ("power limit of GPU GPU-1: 300 W", 700.0, "problem", "-pl 300"),
        ("power limit of GPU 1: 20%", 700.0, "problem", "200 to 700 W"),
        ("power limit of GPU 1: 60 %", None, "warning", "nvidia-smi -i 1 -q -d POWER"),
        ("a fan beside the board", 700.0, "warning", "see to it"),
    ],
)
def test_needs_are_checked_where_they_can_be(need: str, present: Any, level: str, remedy: str) -> None:
    [found] = needs.check([need], [{**BOARD, "power_limit_watts": present}])
    assert found.level == level and remedy in found.remedy


def test_a_need_about_another_gpu_is_not_this_ones() -> None:
    assert list(needs.check(["power limit of GPU 7: 60 %"], [BOARD])) == []
    assert needs.limited(["power limit of GPU 1: 60 %"], BOARD)
    assert not needs.limited(["power limit of GPU 0: 60 %", "a fan"], BOARD)
    low = {**BOARD, "power_limit_watts": 420.0}
    assert levels(boards.board(low)) == ["warning"] and levels(boards.board(low, limit_is_needed=True)) == []


# -- sensors


def test_a_good_sensor_is_praised_and_a_bad_one_explained() -> None:
    assert levels(sensors.sensor("GPU 0", report())) == ["ok"]
    assert levels(sensors.sensor("GPU 0", report(reasons=["power_capped"]))) == ["ok", "ok"]
    [wrong] = sensors.sensor("GPU 0", report(reasons=["counter_average_disagree"]))
    assert wrong.level == "warning" and wrong.text.startswith("GPU 0: the energy counter") and wrong.remedy
    assert levels(sensors.sensor("GPU 0", report(reasons=["not_supported"], achieved_hz=None))) == ["warning"]
    assert levels(sensors.sensor("GPU 0", report(achieved_hz=None))) == ["warning"]
    assert levels(sensors.sensor("GPU 0", report(achieved_hz=62.0))) == ["warning"]


def test_how_energy_is_come_by() -> None:
    assert "energy counter" in sensors.energy_support("GPU 0", report()).text
    assert "added up" in sensors.energy_support("GPU 0", report(counter_per_second=None)).text
    assert sensors.energy_support("GPU 0", report(counter_per_second=None, achieved_hz=None)).level == "warning"


def test_the_processors_counter_matters_to_cpu_demos() -> None:
    assert sensors.cpu_counter(None, needed=True).level == "ok"
    needed = sensors.cpu_counter(REFUSED, needed=True)
    assert needed.level == "warning" and REFUSED.what in needed.text and needed.remedy == REFUSED.remedy
    assert sensors.cpu_counter(REFUSED, needed=False).level == "ok"


# -- arms


def test_interpreter_and_arguments_are_judged_by_the_arms_own_vllm() -> None:
    assert contenders.interpreter("arm A", "/vllm/python", "0.20.1").text == "arm A: vLLM 0.20.1 in /vllm/python"
    assert "does not say" in contenders.interpreter("arm A", "/vllm/python", None).text
    assert "accepted by vLLM 0.20.1" in contenders.arguments("A", ["max_num_seqs"], "0.20.1").text
    assert "not checked" in contenders.arguments("A", {}, None).text


def test_an_arm_is_refused_in_the_words_of_the_race_and_with_a_remedy() -> None:
    told = contenders.refused("vllm", "arms A, B", ArmError("A", "no vLLM on this machine", remedy="install it"))
    assert told == Finding("vllm", "problem", "arms A, B: no vLLM on this machine", "install it")
    assert contenders.refused("server", "arm A", ArmError("A", "is not there")).remedy


def test_a_model_that_is_not_whole_is_fetched_by_its_owner() -> None:
    here = {"offline": None, "token": True}
    assert contenders.model("m/one", Path("/models/one"), on_cpu=False, **here).level == "ok"
    missing = contenders.model("m/one", None, on_cpu=False, **here)
    assert missing.level == "problem" and "huggingface-cli download m/one" in missing.remedy
    assert "licence" not in missing.remedy
    gated = contenders.model("m/one", None, on_cpu=False, offline="HF_HUB_OFFLINE=1", token=False)
    assert "HF_HUB_OFFLINE=1 forbids the hub" in gated.remedy and "licence" in gated.remedy
    assert "make engine-cpu" in contenders.model("one", None, on_cpu=True, **here).remedy
    assert "HF_HUB_OFFLINE=1: nothing" in contenders.hub("HF_HUB_OFFLINE=1").text
    assert "HF_HUB_OFFLINE=1" in contenders.hub(None).remedy


def test_servers_and_programs_that_are_there() -> None:
    assert contenders.server("A", "http://x/v1", "m").text.endswith("answers, with the model m")
    assert contenders.program("A", ["sh", "-c", "a b"]).text == "arm A: runs sh -c 'a b'"


# -- memory


def gpu_memory(used_gib: float, chosen: Demo, weight_gib: float = 3.0) -> list[Finding]:
    device = {"index": 0, "uuid": "GPU-0", "memory_total_bytes": 80 * GIB}
    row = {"memory_used_bytes": used_gib * GIB}
    return list(memory.on_gpus(chosen, [device], [row], weight_bytes=int(weight_gib * GIB), main_bytes=100 * GIB))


def test_arms_that_fit_are_told_their_shares() -> None:
    found = gpu_memory(2, demo())
    assert levels(found) == ["ok", "ok"] and "arm A gets" in found[0].text


def test_arms_that_do_not_fit_are_named() -> None:
    greedy = [{"name": str(share), "args": {"gpu_memory_utilization": share}} for share in (0.6, 0.5)]
    [found] = gpu_memory(2, demo(arms=greedy, schedule={"mode": "shared"}))
    assert found.level == "problem" and "GPU 0's memory" in found.text and found.remedy
    [found] = gpu_memory(79, demo(schedule={"mode": "shared"}))
    assert found.level == "problem"


def test_main_memory_for_arms_on_the_cpu() -> None:
    chosen = demo(device="cpu", arms=[{"name": "wide", "args": {"dtype": "float32"}}, {"name": "half"}])
    [fits] = memory.on_the_cpu(chosen, weight_bytes=int(1e9), available_bytes=int(20e9))
    assert fits.level == "ok" and "A 3.3 GB" in fits.text and "B 2.3 GB" in fits.text
    [tight] = memory.on_the_cpu(chosen, weight_bytes=int(1e9), available_bytes=int(5e9))
    assert tight.level == "warning"
    assert list(memory.on_the_cpu(chosen, weight_bytes=None, available_bytes=int(5e9))) == []


# -- the machine, and the way to the audience


def test_device_files_that_may_not_be_opened() -> None:
    assert host.nodes({}).level == "ok"
    closed = host.nodes({"/dev/nvidia0": "video", "/dev/nvidiactl": "video"})
    assert closed.level == "problem" and "usermod -aG video" in closed.remedy and "/dev/nvidiactl" in closed.text
    assert "chmod" in host.nodes({"/dev/nvidia0": ""}).remedy


@pytest.mark.parametrize(
    ("free", "writable", "level"),
    [(50e9, True, "ok"), (0.5e9, True, "warning"), (1e6, True, "problem"), (50e9, False, "problem")],
)
def test_room_for_a_recording(free: float, writable: bool, level: str) -> None:
    assert host.disk("/data", int(free), writable=writable, seconds=120).level == level


def test_who_can_open_the_dashboard() -> None:
    alone = host.audience("127.0.0.1", 8765, ["192.0.2.7"], answered=[])
    assert alone.level == "ok" and "--host 0.0.0.0" in alone.remedy and "http://192.0.2.7:8765" in alone.remedy
    open_ = host.audience("0.0.0.0", 80, ["192.0.2.7", "198.51.100.1"], answered=["192.0.2.7", "198.51.100.1"])
    assert open_.level == "ok" and "http://192.0.2.7:80 or http://198.51.100.1:80" in open_.text
    deaf = host.audience("0.0.0.0", 80, ["192.0.2.7"], answered=[])
    assert deaf.level == "warning" and "192.0.2.7" in deaf.text
    assert host.audience("0.0.0.0", 80, [], answered=[]).level == "warning"
    assert "http://198.51.100.1:80" in host.audience("198.51.100.1", 80, ["x"], answered=["198.51.100.1"]).text


def test_a_port_that_cannot_be_had_is_in_the_way() -> None:
    assert host.port(8765, None).level == host.port(0, None).level == "ok"
    assert host.port(8765, "is in use by another program").level == "problem"


def test_files_and_clock_only_warn() -> None:
    assert host.open_files(None).level == host.open_files(20_000).level == "ok"
    assert host.open_files(256).level == "warning" and "156 viewers" in host.open_files(256).text
    assert host.clock_source("tsc").level == host.clock_source(None).level == "ok"
    assert host.clock_source("hpet").level == "warning"
