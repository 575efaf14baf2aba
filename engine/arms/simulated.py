"""The simulated arm: our own small server in place of vLLM, everything around it real."""

import sys
from pathlib import Path

from engine.arguments.accepted import shipped
from engine.arms.flags import flags
from engine.arms.server import Launch
from engine.config import Arm, Demo
from engine.errors import ArgumentRefused
from engine.simulator.flags import OWN_ARGUMENTS

_READY_SECONDS = 20.0


def simulated_launch(demo: Demo, arm: Arm, *, slot: int, occupancy: Path, share: float | None = None) -> Launch:
    """How to start `arm` on the simulator; it tells the simulated GPU what it does through `occupancy`.

    With a `share` of the memory it can sleep. Raises ArgumentRefused for an argument that the simulated vLLM does not
    take.
    """
    if complaint := shipped().complaint(arm.args, extra=OWN_ARGUMENTS):
        raise ArgumentRefused(demo.labels[slot], complaint.problem, remedy=complaint.remedy)
    model = demo.model.gpu or demo.model.cpu or "simulated"
    command = [sys.executable, "-P", "-m", "engine.simulator", "--model", model, "--port", "{port}"]
    command += ["--occupancy", str(occupancy), "--slot", str(slot), "--seed", str(demo.workload.seed + slot)]
    arguments, env = dict(arm.args), dict(arm.env)
    if share is not None:
        arguments |= {"gpu_memory_utilization": share, "enable_sleep_mode": True}
        env["VLLM_SERVER_DEV_MODE"] = "1"
    command += flags(arguments)
    return Launch(command=command, model=model, ready_seconds=_READY_SECONDS, env=env, effective=arguments)
