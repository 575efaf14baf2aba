"""What the doctor makes of facts: how bad each is, and what to do."""

from typing import Any

import pytest

from engine.doctor import checkup
from engine.doctor.checkup import Finding, Refusal, could_race

REFUSED = Refusal("no driver", "install it")


def levels(findings: Any) -> list[str]:
    return [finding.level for finding in findings]


def report(**more: Any) -> dict[str, Any]:
    return {"achieved_hz": 99.9, "asked_hz": 100.0, "reasons": [], **more}


def test_only_problems_stand_in_the_way() -> None:
    fine, odd, wrong = (Finding("x", level, "words") for level in ("ok", "warning", "problem"))
    assert could_race([fine, odd]) and not could_race([fine, wrong, odd])
    assert wrong.as_dict() == {"check": "x", "level": "problem", "text": "words", "remedy": ""}


def test_a_driver_is_missed_only_where_it_is_needed() -> None:
    assert checkup.driver(REFUSED, [], needed=True) == Finding("driver", "problem", "no driver", "install it")
    assert checkup.driver(REFUSED, [], needed=False).level == "ok"
    assert checkup.driver(None, [{"driver": "580.65"}], needed=True).text == "NVIDIA driver 580.65, 1 GPU"


def test_a_gpu_that_the_demo_names_must_be_there() -> None:
    there = [{"index": 0, "uuid": "GPU-0"}, {"index": 1, "uuid": "GPU-1"}]
    assert list(checkup.wanted_gpus([0, "GPU-1"], there)) == []
    assert levels(checkup.wanted_gpus([0, 2, "GPU-9"], there)) == ["problem", "problem"]


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ({"persistence": True, "power_limit_watts": 700.0, "power_limit_default_watts": 700.0}, ["ok", "ok"]),
        ({"persistence": False, "power_limit_watts": 400.0, "power_limit_default_watts": 700.0}, ["warning"] * 2),
        ({"persistence": None, "power_limit_watts": None, "power_limit_default_watts": None}, []),
        ({}, []),
    ],
)
def test_how_a_board_is_set_up(device: dict[str, Any], expected: list[str]) -> None:
    found = list(checkup.board({"index": 3, **device}))
    assert levels(found) == expected
    assert all(("-i 3" in finding.remedy) == (finding.level == "warning") for finding in found)


def test_a_good_sensor_is_praised_and_a_bad_one_explained() -> None:
    assert levels(checkup.sensor("GPU 0", report())) == ["ok"]
    assert levels(checkup.sensor("GPU 0", report(reasons=["power_capped"]))) == ["ok", "ok"]
    [wrong] = checkup.sensor("GPU 0", report(reasons=["counter_average_disagree"]))
    assert wrong.level == "warning" and wrong.text.startswith("GPU 0: the energy counter") and wrong.remedy
    assert levels(checkup.sensor("GPU 0", report(reasons=["not_supported"], achieved_hz=None))) == ["warning"]
    assert levels(checkup.sensor("GPU 0", report(achieved_hz=None))) == ["warning"]
    assert levels(checkup.sensor("GPU 0", report(achieved_hz=62.0))) == ["warning"]


def test_the_processors_counter_matters_to_cpu_demos() -> None:
    assert checkup.cpu_counter(None, needed=True).level == "ok"
    assert checkup.cpu_counter(REFUSED, needed=True).level == "warning"
    assert checkup.cpu_counter(REFUSED, needed=False).level == "ok"


def test_interpreter_and_model_must_be_there() -> None:
    assert checkup.interpreter("/vllm/python", "0.20.1").text == "vLLM 0.20.1 in /vllm/python"
    assert checkup.interpreter("/vllm/python", None).level == "problem"
    assert checkup.model("m/one", "/models/one", on_cpu=False).level == "ok"
    assert "huggingface-cli download m/one" in checkup.model("m/one", None, on_cpu=False).remedy
    assert "make engine-cpu" in checkup.model("one", None, on_cpu=True).remedy


@pytest.mark.parametrize(
    ("free", "writable", "level"),
    [(50e9, True, "ok"), (0.5e9, True, "warning"), (1e6, True, "problem"), (50e9, False, "problem")],
)
def test_room_for_a_recording(free: float, writable: bool, level: str) -> None:
    assert checkup.disk("/data", int(free), writable=writable, seconds=120).level == level


def test_port_and_clock_only_warn() -> None:
    assert checkup.port(8765, free=True).level == "ok" and checkup.port(8765, free=False).level == "warning"
    assert checkup.clock_source("tsc").level == checkup.clock_source(None).level == "ok"
    assert checkup.clock_source("hpet").level == "warning"
