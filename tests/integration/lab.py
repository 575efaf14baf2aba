"""Runs of `wattrace measure` on scripted GPUs, and what their results have to look like."""

import ctypes
import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest

from integration.processes import WATTRACE, living, marked_environment, wait_until

NUMBER, WHOLE = {"type": ["number", "null"]}, {"type": "integer"}


def exactly(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties)}


SHAPE = exactly(
    start_ns=WHOLE,
    end_ns=WHOLE,
    asked=exactly(start_ns=WHOLE, end_ns=WHOLE),
    simulated={"type": "boolean"},
    sampler_cpu_percent=NUMBER,
    gpus={
        "type": "array",
        "minItems": 1,
        "items": exactly(
            index=WHOLE,
            uuid={"type": "string"},
            name={"type": "string"},
            energy_joules=NUMBER,
            uncertainty_joules=NUMBER,
            method={"enum": ["counter", "integral_instant", "integral_average", None]},
            valid={"type": "boolean"},
            reasons={"type": "array", "items": {"type": "string"}},
            cross_checks=exactly(counter_joules=NUMBER, instant_joules=NUMBER, average_joules=NUMBER),
            samples=WHOLE,
            achieved_hz=NUMBER,
            interval_error_ms=exactly(p50=NUMBER, p99=NUMBER),
            instant_window=exactly(ms=NUMBER, origin={"enum": ["documented", "assumed", None]}),
            detected_period_ms=exactly(power_instant=NUMBER, energy_counter=NUMBER),
        ),
    },
)


class Lab:
    """Measures on scripted GPUs, each run with a script of its own, and knows the truth."""

    def __init__(self, folder: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._library, self._monkeypatch = folder, library, monkeypatch
        self.mark, environment = marked_environment(XDG_DATA_HOME=str(folder), LD_LIBRARY_PATH=str(library))
        self._environment = environment
        self.script = ""
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, script: str = "", **options: object) -> subprocess.Popen[bytes]:
        """Start `measure`, its GPUs as `script` says, t0 being now."""
        self.script = f"t0_ns={time.monotonic_ns()};{script}"
        environment = {**self._environment, "FAKE_NVML": self.script}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.PIPE}
        process = subprocess.Popen([*WATTRACE, "measure", *arguments], env=environment, **{**pipes, **options})
        self._started.append(process)
        return process

    def run(self, *arguments: str, script: str = "", stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        process = self.start(*arguments, script=script, cwd=self.folder)
        out, errors = process.communicate(stdin, timeout=60)
        assert b"Traceback" not in errors and b"fault of its own" not in errors
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)

    def result(self, *arguments: str, script: str = "", code: int = 0) -> dict:
        done = self.run("--json", *arguments, script=script)
        assert done.returncode == code, done.stderr
        return checked(done.stdout)

    def truth(self, gpu: dict, script: str | None = None) -> float:
        """Joules that really went over the window that `gpu` tells of."""
        self._monkeypatch.setenv("FAKE_NVML", script or self.script)
        joules = ctypes.CDLL(str(self._library / "libnvidia-ml.so.1")).fake_truth_joules
        joules.restype, joules.argtypes = ctypes.c_double, [ctypes.c_uint, ctypes.c_longlong, ctypes.c_longlong]
        return float(joules(gpu["index"], gpu["start_ns"], gpu["end_ns"]))

    def child_of(self, part: str) -> int:
        """Our process with `part` in its command line, once it is there."""

        def found() -> list[int]:
            return [pid for pid, line in living(self.mark).items() if part in line and "wattrace" not in line]

        wait_until(found, what=f"{part} runs")
        return found()[0]

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
                # Its command has lost its keeper, and would hold our pipes for as long as it likes.
                for pid in living(self.mark):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            process.communicate()
        wait_until(lambda: not living(self.mark), what="every process of the test has ended")


def checked(out: bytes) -> dict:
    """The object in the last line of `out`, its shape checked."""
    result = json.loads(out.splitlines()[-1])
    jsonschema.validate(result, SHAPE)
    return result
