"""Provenance: what a referee must know about the machine, the software and the inputs of a run."""

import hashlib
import os
import platform
import socket
from collections.abc import Mapping
from pathlib import Path

import orjson
from pydantic import JsonValue

from engine import __version__
from engine.config import Demo
from engine.ledger import METHOD
from engine.workload import prompts_hash


def provenance(
    demo: Demo, *, power: Mapping[str, JsonValue], model_revision: str | None = None
) -> dict[str, JsonValue]:
    """Everything known before the race: `power` is what the sampler said of its devices.

    The arms' own versions are not known yet: each one's `ready` mark has it.
    """
    return {
        **machine(power),
        "model": {"id": demo.model.cpu if demo.on_cpu else demo.model.gpu, "revision": model_revision},
        "figures_method": METHOD,
        "prompts": demo.workload.prompts,
        "prompts_sha256": prompts_hash(demo.workload.prompts),
        # Of the demo as the start document has it, so that a reader can work it out again.
        "demo_sha256": hashlib.sha256(orjson.dumps(demo.told(), option=orjson.OPT_SORT_KEYS)).hexdigest(),
    }


def machine(power: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The machine and the software: what every recording says of where it was made."""
    return {
        "wattrace_version": __version__,
        "python_version": platform.python_version(),
        "host": {
            "name": socket.gethostname(),
            "system": platform.platform(),
            "cpu": _cpu_name(),
            "cores": os.cpu_count(),
        },
        "devices": dict(power),
        "clock": "CLOCK_MONOTONIC",
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
