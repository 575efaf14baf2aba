"""A command under `wattrace measure`: nothing of it is touched, and its signals, status and terminal are its own."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.lab import Lab, checked
from integration.processes import WATTRACE


def test_a_command_is_measured_and_nothing_of_it_is_touched(lab: Lab) -> None:
    program = "import sys,time; time.sleep(.9); b=sys.stdin.buffer.read(); sys.stdout.buffer.write(b); sys.exit(37)"
    sent = bytes(range(256)) + b"\n"
    done = lab.run("--json", "--", sys.executable, "-c", program, script="seed=5;high=300", stdin=sent)
    assert done.returncode == 37
    assert done.stdout.startswith(sent) and done.stdout.count(b'"energy_joules"') == 1
    result = checked(done.stdout[len(sent) :])
    (gpu,) = result["gpus"]
    assert gpu["energy_joules"] == pytest.approx(lab.truth(gpu), rel=0.01)
    assert (gpu["start_ns"], gpu["end_ns"]) == (result["start_ns"], result["end_ns"])
    assert 0.9e9 < result["end_ns"] - result["start_ns"] < 3e9


def test_without_json_stdout_is_the_commands_alone(lab: Lab) -> None:
    done = lab.run("--", "printf", r"a\0b", script="high=300")
    assert done.returncode == 0 and done.stdout == b"a\0b"
    assert b"Fake hopper" in done.stderr and b"energy, J" in done.stderr


@pytest.mark.parametrize(("said", "lines"), [("x", 2), ("", 2), (r"x\n", 3)])
def test_json_has_a_line_of_its_own_however_the_commands_output_ends(lab: Lab, said: str, lines: int) -> None:
    done = lab.run("--json", "--", "printf", said, script="high=300")
    printed = said.replace(r"\n", "\n").encode()
    assert done.stdout.startswith(printed) and len(done.stdout.splitlines()) == lines
    assert checked(done.stdout) == json.loads(done.stdout.removeprefix(printed)), "white space goes before the object"


def test_options_after_the_commands_name_are_its_own(lab: Lab) -> None:
    done = lab.run("sh", "-c", 'echo "$@"', "sh", "--json", "--", "-x")
    assert done.stdout == b"--json -- -x\n"


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [("no-such-command", 127, b"No such file"), ("./text", 126, b"Permission denied"), ("/", 126, b"denied")],
)
def test_a_command_that_cannot_be_run(lab: Lab, command: str, code: int, words: bytes) -> None:
    (lab.folder / "text").touch(mode=0o600)
    done = lab.run("--json", "--", command)
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_command_that_is_killed_has_the_shells_status(lab: Lab) -> None:
    assert lab.run("--", "sh", "-c", "kill -9 $$").returncode == 137


TRAPPED = "trap 'echo caught; exit 9' INT; trap 'echo ended; exit 8' TERM; echo ready; while :; do sleep 0.05; done"


@pytest.mark.parametrize(
    ("send", "code", "words"),
    [
        (lambda process: os.killpg(process.pid, signal.SIGINT), 9, b"caught"),
        (lambda process: process.send_signal(signal.SIGINT), 9, b"caught"),
        (lambda process: process.send_signal(signal.SIGTERM), 8, b"ended"),
    ],
    ids=["SIGINT to the group", "SIGINT to us alone", "SIGTERM"],
)
def test_signals_are_the_commands_and_it_is_still_reported(
    lab: Lab, send: Callable[[subprocess.Popen[bytes]], None], code: int, words: bytes
) -> None:
    process = lab.start("--json", "--", "sh", "-c", TRAPPED, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.4)
    send(process)
    out, errors = process.communicate(timeout=20)
    assert process.returncode == code and b"Traceback" not in errors
    assert out.splitlines()[0] == words
    gpu = checked(out)["gpus"][0]
    assert gpu["energy_joules"] == pytest.approx(lab.truth(gpu), rel=0.02)


def test_ctrl_c_in_a_terminal_reaches_the_command_once(lab: Lab) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(LD_LIBRARY_PATH=str(lab._library), FAKE_NVML="high=300", WATTRACE_TEST_MARK=lab.mark)
        program = "trap 'echo caught' INT; echo ready; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do sleep 0.1; done"
        os.execv(WATTRACE[0], [*WATTRACE, "measure", "--json", "--", "sh", "-c", program])
    seen = b""
    typed = False
    while True:
        try:
            seen += os.read(terminal, 65536)
        except OSError:
            break  # a terminal whose last program is gone
        if b"ready" in seen and not typed:
            typed = os.write(terminal, b"\x03") == 1
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert seen.count(b"caught") == 1
    assert checked(seen)["gpus"][0]["energy_joules"] > 0


@pytest.mark.parametrize(
    ("arguments", "closed", "code"),
    [
        (["--json", "--", "sh", "-c", "exit 3"], "stdout", 3),
        (["--json", "--", "true"], "stdout", 0),
        (["--", "sh", "-c", "exit 3"], "stderr", 3),
        (["--json", "--seconds", "0.3"], "stdout", 74),
    ],
)
def test_where_nobody_can_be_told_the_status_stays_and_the_figures_go_to_stderr(
    lab: Lab, arguments: list[str], closed: str, code: int
) -> None:
    """A full disk, as /dev/full is one."""
    with Path("/dev/full").open("wb") as full:
        process = lab.start(*arguments, script="high=300", **{closed: full})
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    if closed == "stdout":
        (line,) = errors.decode().splitlines()
        assert line.startswith("wattrace: the result could not be written: No space left on device; it is {")
        checked(line.partition("; it is ")[2].encode())
