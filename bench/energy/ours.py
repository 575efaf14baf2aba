"""wattrace on the fake driver, as a user runs it: `wattrace measure`, and windows out of its recording."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from bench.energy.cases import SIGNALS, Case
from bench.energy.fake import ROOT, FakeDriver, script
from bench.energy.score import Trial
from engine.clock import NS
from engine.energy import WindowEnergy
from engine.measure.measured import read_measurement

STARTUP_SECONDS = 1.8
"""From the start of the process to its window, about: a second and a tenth of it samples already."""

MEASURE_SECONDS = 60


async def measure(arguments: Sequence[str], environment: dict[str, str]) -> dict[str, Any]:
    """What `wattrace measure` says as JSON."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "server.cli", "measure", "--json", *arguments,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, complaint = await asyncio.wait_for(process.communicate(), MEASURE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    if not out:
        raise RuntimeError(f"wattrace measure: {complaint.decode(errors='replace').strip()[-300:]}")
    result: dict[str, Any] = json.loads(out)
    return result


def wanted(case: Case) -> list[str]:
    """The case's window as arguments."""
    return ["--seconds", str(case.seconds)] if case.window == "seconds" else ["--", "sleep", str(case.seconds)]


def trials(result: dict[str, Any], driver: FakeDriver) -> list[Trial]:
    """One trial for each GPU."""
    return [
        Trial(
            driver.joules(gpu["index"], gpu["start_ns"], gpu["end_ns"]),
            gpu["energy_joules"],
            gpu["uncertainty_joules"],
            tuple(gpu["reasons"]),
            gpu["valid"],
            gpu["method"] or "",
            max(abs(gpu[edge] - result["asked"][edge]) for edge in ("start_ns", "end_ns")) / NS,
        )
        for gpu in result["gpus"]
    ]


async def recorded_windows(driver: FakeDriver, seconds: float, windows: int, random: Random) -> list[Trial]:
    """Random windows of commands out of one recording: a GPU for each signal, all phases random."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.wattrace"
        said = _script(time.monotonic_ns(), random)
        driver.set_script(said)
        await measure(["--seconds", f"{seconds}", "--out", str(path)], driver.environment(said))
        measurement = read_measurement(path)
    if measurement.start is None or measurement.window is None:
        raise RuntimeError("the recording has no window")
    origin = int(str(measurement.start.provenance["clock_origin_ns"]))
    gpus, found = list(measurement.gpus.values()), []
    for _ in range(windows):
        gpu, length = random.choice(gpus), random.uniform(0.3, 5) * NS
        start = measurement.window.start_ns + random.uniform(0, measurement.window.end_ns - length) % (
            measurement.window.end_ns - measurement.window.start_ns - length
        )
        energy = gpu.meter.given(round(start), round(start + length))
        truth = driver.joules(gpu.index, energy.start_ns + origin, energy.end_ns + origin)
        found.append(_trial(energy, truth))
    return found


def _trial(energy: WindowEnergy, truth: float) -> Trial:
    reasons = tuple(reason.value for reason in energy.reasons)
    return Trial(truth, energy.energy_joules, energy.uncertainty_joules, reasons, energy.valid, energy.method or "")


def _script(t0_ns: int, random: Random) -> str:
    gpus = []
    for name, signal in SIGNALS.items():
        words = Case(name, signal).drawn(random).script()
        if signal.kind in {"burst", "ramp"}:
            words["every"] = 5.3
        gpus.append({**words, "phase": random.uniform(0, 0.1), "counter_phase": random.uniform(0, 0.1)})
    return script(t0_ns, gpus, {"noise": 0.5, "seed": random.randrange(1, 10**6)})
