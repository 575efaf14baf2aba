"""The tests' fake driver library: built once, scripted for each round, and asked for the truth."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "libnvidia-ml.so.1"


class NoCompiler(Exception):
    """There is no C compiler to build the fake driver with."""


@contextmanager
def fake_driver() -> Iterator["FakeDriver"]:
    """The library in a folder of its own, for as long as the `with` lasts."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompiler("no C compiler (cc) to build the fake driver with")
    with tempfile.TemporaryDirectory() as folder:
        sources = [ROOT / "tests" / "fake_nvml" / "fake_nvml.c", ROOT / "bench" / "energy" / "more_nvml.c"]
        flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC", "-pthread"]
        subprocess.run([compiler, *flags, "-o", str(Path(folder) / LIBRARY), *map(str, sources), "-lm"], check=True)
        # CodeCarbon looks for NVIDIA GPUs only where this can be run.
        (Path(folder) / "nvidia-smi").write_text("#!/bin/sh\nexit 0\n")
        (Path(folder) / "nvidia-smi").chmod(0o755)
        yield FakeDriver(Path(folder))


class FakeDriver:
    """The built library. The truth is that of the script set last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._library = ctypes.CDLL(str(folder / LIBRARY))
        self._truth = self._library.fake_truth_joules
        self._truth.restype = ctypes.c_double
        self._truth.argtypes = [ctypes.c_uint, ctypes.c_longlong, ctypes.c_longlong]

    def environment(self, script: str) -> dict[str, str]:
        """What a process needs to see the fake driver play `script`."""
        path = os.pathsep.join([str(self.folder), os.environ.get("PATH", os.defpath)])
        return {**os.environ, "PATH": path, "LD_LIBRARY_PATH": str(self.folder), "FAKE_NVML": script}

    def set_script(self, script: str) -> None:
        """From now on the truth is this script's."""
        os.environ["FAKE_NVML"] = script

    def joules(self, gpu: int, start_ns: int, end_ns: int) -> float:
        """What the GPU really drew from one moment of CLOCK_MONOTONIC to another."""
        return float(self._truth(gpu, start_ns, end_ns))


def script(t0_ns: int, gpus: Sequence[Mapping[str, object]], common: Mapping[str, object]) -> str:
    """The words for these GPUs; what all of them say alike is said once."""
    words = {"t0_ns": t0_ns, "gpus": len(gpus), **common}
    for index, own in enumerate(gpus):
        words |= {f"gpu{index}.{key}": value for key, value in own.items()}
    return ";".join(
        f"{key}={value:.6g}" if isinstance(value, float) else f"{key}={value}" for key, value in words.items()
    )
