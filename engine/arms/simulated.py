"""The simulated arm: our own small server in place of vLLM, everything around it real."""

import sys
from pathlib import Path

from engine.arms.flags import flags
from engine.arms.server import Launch
from engine.config import Arm, Demo

_READY_SECONDS = 20.0


def simulated_launch(demo: Demo, arm: Arm, *, slot: int, occupancy: Path) -> Launch:
    """How to start `arm` on the simulator; it tells the simulated GPU what it does through `occupancy`."""
    model = demo.model.gpu or demo.model.cpu or "simulated"
    command = [sys.executable, "-P", "-m", "engine.simulator", "--model", model, "--port", "{port}"]
    command += ["--occupancy", str(occupancy), "--slot", str(slot), "--seed", str(demo.workload.seed + slot)]
    command += flags(arm.args)
    return Launch(command=command, model=model, ready_seconds=_READY_SECONDS, env=arm.env, effective=dict(arm.args))
