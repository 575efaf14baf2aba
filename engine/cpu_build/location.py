"""Where the CPU engine lives, and whether it is there: the module that the rest of wattrace imports."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from engine.cpu_build.stamp import Stamp

FOLDER_VARIABLE = "WATTRACE_CPU_ENGINE"
ENVIRONMENT = "venv"
INTERPRETER = "bin/python"  # below the environment
MODELS = "models"
MODEL_CONFIG = "config.json"  # below a model's folder


def engine_folder() -> Path:
    """The CPU engine's folder: `WATTRACE_CPU_ENGINE`, or `engine-cpu` in the user's data folder; absolute."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_data_path("wattrace") / "engine-cpu"


def find_interpreter() -> Path | None:
    """The Python that has vLLM for the CPU; None unless its build was finished.

    An environment with older pins than this checkout's is found too: it works, and `make engine-cpu` renews
    it.
    """
    return _finished(ENVIRONMENT, INTERPRETER)


def find_model(name: str) -> Path | None:
    """The folder of a model for vLLM, such as `smollm2-135m`; None unless its build was finished."""
    config = _finished(f"{MODELS}/{name}", MODEL_CONFIG)
    return config.parent if config else None


def _finished(part: str, proof: str) -> Path | None:
    folder = engine_folder()
    path = folder / part / proof
    return path if part in Stamp.load(folder).parts and path.exists() else None
