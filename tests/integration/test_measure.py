"""`wattrace measure` as a researcher runs it: the installed command, the real NVML bindings, a fake driver library."""

import os
import signal
import subprocess
import time

import pytest

from engine.documents import Mark, Stop
from engine.measure.measured import read_measurement
from engine.recording import Reader
from integration.lab import Lab, checked
from integration.processes import WATTRACE

SIGNALS = (
    "signal=constant;high=300",
    "signal=square;period=0.04",
    "signal=square;period=0.37;duty=0.3",
    "signal=burst;from=2.2;to=2.5",
)


def test_a_window_of_seconds_is_exact(lab: Lab) -> None:
    """At the same time, for it takes seconds: the fake GPUs know nothing of each other."""
    running = []
    for seed, shape in enumerate(SIGNALS, start=31):
        process = lab.start("--json", "--seconds", "1.73", script=f"noise=0.5;seed={seed};{shape}")
        running.append((process, lab.script))
    for process, script in running:
        out, _ = process.communicate(timeout=60)
        result = checked(out)
        (gpu,) = result["gpus"]
        assert gpu["energy_joules"] == pytest.approx(lab.truth(gpu, script), rel=0.01), script
        assert (result["start_ns"], result["end_ns"]) == (gpu["start_ns"], gpu["end_ns"])
        assert 1.53e9 - 5e6 < gpu["end_ns"] - gpu["start_ns"] <= 1.73e9, "each edge within one tick of 100 ms"
        assert gpu["method"] == "counter"
        assert gpu["detected_period_ms"]["energy_counter"] == pytest.approx(100, rel=0.02)
        assert gpu["samples"] > 500 and result["simulated"] is False
        assert abs(gpu["energy_joules"] - gpu["cross_checks"]["counter_joules"]) < 1e-9


def test_a_foreign_process_is_told_of_a_command_and_of_no_window_of_time(lab: Lab) -> None:
    script = "high=300;processes=1:512:0:inf"
    (command,) = lab.result("--", "sleep", "0.5", script=script)["gpus"]
    assert "foreign_process" in command["reasons"] and command["valid"] is False
    assert command["energy_joules"] == pytest.approx(lab.truth(command), rel=0.02)
    (window,) = lab.result("--seconds", "0.5", script=script)["gpus"]
    assert "foreign_process" not in window["reasons"]


def test_ctrl_c_reports_what_was_measured_so_far(lab: Lab) -> None:
    process = lab.start("--json", "--seconds", "60", script="seed=3;high=300")
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    assert process.returncode == 130 and b"Ctrl-C" in errors and b"Traceback" not in errors
    gpu = checked(out)["gpus"][0]
    assert gpu["energy_joules"] == pytest.approx(lab.truth(gpu), rel=0.01)
    assert 0.3e9 < gpu["end_ns"] - gpu["start_ns"] < 4e9


def test_without_a_window_it_measures_until_ctrl_c(lab: Lab) -> None:
    process = lab.start(script="seed=3;high=300")
    assert process.stderr is not None
    assert process.stderr.readline() == b"measuring until Ctrl-C\n"
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    assert process.returncode == 0 and errors == b""
    assert b"energy counter" in out and b"300.0" in out


def test_ctrl_c_before_anything_was_measured(lab: Lab) -> None:
    made = lab.folder / "made"
    process = lab.start("--", "touch", str(made))
    lab.child_of("engine.sampler")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    assert b"the command was not run" in errors and len(errors.splitlines()) == 1
    assert not made.exists()


@pytest.mark.parametrize(
    ("signum", "words"),
    [(signal.SIGINT, b"Ctrl-C"), (signal.SIGTERM, b"SIGTERM"), (signal.SIGHUP, b"hung up")],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else "",
)
@pytest.mark.parametrize("arguments", [("--seconds", "5"), ("--", "touch", "made")], ids=["window", "command"])
def test_a_driver_that_hangs_at_the_start_can_be_left(
    lab: Lab, signum: signal.Signals, words: bytes, arguments: tuple[str, ...]
) -> None:
    process = lab.start("--out", "never.jsonl", *arguments, script="hang=0:inf", cwd=lab.folder)
    lab.child_of("engine.sampler")
    time.sleep(0.7)
    sent = time.monotonic()
    process.send_signal(signum)
    out, errors = process.communicate(timeout=20)
    assert time.monotonic() - sent < 2.5, "a sampler that hangs is not waited for"
    assert (process.returncode, out) == (128 + signum, b"")
    (line,) = errors.splitlines()
    undone = b"the command was not run" if "touch" in arguments else b"nothing was measured"
    assert line.startswith(b"wattrace: ") and words in line and line.endswith(b"before any GPU had answered; " + undone)
    assert not (lab.folder / "made").exists() and not (lab.folder / "never.jsonl").exists()


def test_no_gpu_is_one_line_and_the_command_is_not_run(lab: Lab) -> None:
    made = lab.folder / "made"
    out = lab.folder / "never.jsonl"
    done = lab.run("--out", str(out), "--", "touch", str(made), script="gpus=0")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"sees no GPU" in done.stderr and b"the command was not run" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not made.exists() and not out.exists()


def test_a_gpu_without_any_sensor_is_said_and_the_command_still_counts(lab: Lab) -> None:
    result = lab.result("--", "sh", "-c", "exit 4", script="profile=none", code=4)
    (gpu,) = result["gpus"]
    assert (gpu["energy_joules"], gpu["uncertainty_joules"], gpu["method"]) == (None, None, None)
    assert gpu["valid"] is False and "not_supported" in gpu["reasons"]
    assert gpu["samples"] == 0 and gpu["achieved_hz"] is None


def test_each_of_two_gpus_has_its_own_window_and_method(lab: Lab) -> None:
    script = "gpus=2;seed=9;high=300;gpu1.high=200;gpu1.profile=pascal"
    result = lab.result("--seconds", "1.1", script=script)
    first, second = result["gpus"]
    assert [first["index"], second["index"]] == [0, 1]
    assert (first["method"], second["method"]) == ("counter", "integral_instant")
    assert first["energy_joules"] == pytest.approx(lab.truth(first), rel=0.01)
    assert second["energy_joules"] == pytest.approx(lab.truth(second), rel=0.03)
    assert result["start_ns"] == min(first["start_ns"], second["start_ns"])
    assert result["end_ns"] == max(first["end_ns"], second["end_ns"])


def test_gpus_are_chosen_by_index_and_uuid(lab: Lab) -> None:
    uuid = "GPU-00000000-0000-0000-0000-000000000002"
    chosen = lab.result("--gpu", "0", "--gpu", uuid, "--", "true", script="gpus=3")["gpus"]
    assert [gpu["index"] for gpu in chosen] == [0, 2] and chosen[1]["uuid"] == uuid
    refused = lab.run("--gpu", "7", "--", "true", script="gpus=3")
    assert refused.returncode == 1 and b"no GPU is called '7'" in refused.stderr


def test_a_recording_gives_the_same_figures_to_the_last_bit(lab: Lab) -> None:
    out = lab.folder / "measured.jsonl"
    script = "seed=8;noise=0.5;signal=square;period=0.2"
    result = lab.result("--out", str(out), "--", "sleep", "0.83", script=script)
    assert read_measurement(out).result() == result
    told = list(Reader(out))
    assert isinstance(told[-1], Stop) and told[-1].exit_status == "success" and told[-1].counts["gpu0"] > 500
    window = [each.data["window"] for each in told if isinstance(each, Mark) and "window" in each.data]
    assert window == ["begin", "end"]
    compared = subprocess.run([*WATTRACE, "compare", str(out)], capture_output=True, check=False)
    assert compared.returncode == 1 and b"no arms" in compared.stderr and b"Traceback" not in compared.stderr
    again = lab.run("--out", str(out), "--", "true")
    assert again.returncode == 1 and b"exists already" in again.stderr and b"the command was not run" in again.stderr


def test_simulated_is_labelled_everywhere(lab: Lab) -> None:
    result = lab.result("--simulate", "--seconds", "0.7", script="init=9")
    (gpu,) = result["gpus"]
    assert result["simulated"] is True and "simulated" in gpu["reasons"] and gpu["energy_joules"] > 0
    shown = lab.run("--simulate", "--seconds", "0.5", script="init=9")
    assert b"SIMULATED" in shown.stdout
    assert b"no simulated GPU is called" in lab.run("--simulate", "--gpu", "1", "--seconds", "1").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seconds", "1", "--", "true"], b"leave one of them out"),
        (["--seconds", "nan"], b"--seconds nan"),
        (["--seconds", "-1"], b"--seconds -1"),
    ],
)
def test_what_cannot_be_asked_for(lab: Lab, arguments: list[str], words: bytes) -> None:
    done = lab.run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr and len(done.stderr.splitlines()) == 1


def test_an_outage_is_flagged(lab: Lab) -> None:
    result = lab.result("--seconds", "4", script="seed=4;high=300;lost=4.2:4.8")
    (gpu,) = result["gpus"]
    assert "gap" in gpu["reasons"]
    assert gpu["energy_joules"] == pytest.approx(lab.truth(gpu), rel=0.01)
    assert any("does not answer" in warning for warning in result["warnings"])


def test_one_gpu_that_hangs_costs_the_other_nothing(lab: Lab) -> None:
    result = lab.result("--seconds", "2.5", script="gpus=2;seed=5;high=300;gpu0.hang=2.5:60")
    hung, other = result["gpus"]
    assert hung["energy_joules"] is None and hung["valid"] is False and "gap" in hung["reasons"]
    assert other["energy_joules"] == pytest.approx(lab.truth(other), rel=0.01) and other["valid"] is True


@pytest.mark.parametrize(("hanging", "other"), [(0, 1), (1, 0)])
def test_one_gpu_that_hangs_from_the_start_costs_the_other_nothing(lab: Lab, hanging: int, other: int) -> None:
    result = lab.result("--seconds", "1.3", script=f"gpus=2;seed=5;high=300;gpu{hanging}.hang=0:60")
    assert [gpu["index"] for gpu in result["gpus"]] == [0, 1]
    hung, fine = result["gpus"][hanging], result["gpus"][other]
    assert hung["energy_joules"] is None and hung["valid"] is False and hung["reasons"] == ["gap"]
    assert fine["energy_joules"] == pytest.approx(lab.truth(fine), rel=0.01) and fine["valid"] is True
    assert any(f"gpu{hanging} hangs" in warning for warning in result["warnings"])


def test_a_gpu_that_answers_late_is_measured_as_far_as_it_can_be(lab: Lab) -> None:
    result = lab.result("--seconds", "4", script="gpus=2;seed=5;high=300;gpu1.hang=0:6")
    fine, late = result["gpus"]
    assert fine["valid"] is True and fine["energy_joules"] == pytest.approx(lab.truth(fine), rel=0.01)
    assert late["uuid"].endswith("1") and late["samples"] > 100
    assert "gap" in late["reasons"] and "gap" not in fine["reasons"]
    assert late["energy_joules"] is None or late["energy_joules"] == pytest.approx(lab.truth(late), rel=0.05)


def test_a_sampler_that_dies_costs_the_figures_and_not_the_command(lab: Lab) -> None:
    process = lab.start("--json", "--", "sh", "-c", "echo ready; sleep 1.2; exit 6")
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    time.sleep(0.3)
    os.kill(lab.child_of("engine.sampler"), signal.SIGKILL)
    out, errors = process.communicate(timeout=20)
    assert process.returncode == 6
    assert b"sampler process was killed" in errors and b"Traceback" not in errors
    (gpu,) = checked(out)["gpus"]
    assert gpu["energy_joules"] is None and gpu["valid"] is False and "gap" in gpu["reasons"]


def test_a_sampler_that_dies_ends_a_window_of_seconds(lab: Lab) -> None:
    process = lab.start("--json", "--seconds", "60", script="seed=6;high=300")
    pid = lab.child_of("engine.sampler")
    time.sleep(3)
    os.kill(pid, signal.SIGKILL)
    out, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and b"sampler process was killed" in errors and b"Traceback" not in errors
    (gpu,) = checked(out)["gpus"]
    assert gpu["energy_joules"] is None or gpu["energy_joules"] == pytest.approx(lab.truth(gpu), rel=0.05)
