"""Finding this machine's NVIDIA GPUs, and saying what is wrong where there are none."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import pynvml

from engine.errors import DeviceError, NoDevice
from engine.sources.nvml_gpu import NvmlGpu
from engine.sources.patience import settle, started
from engine.sources.source import Candidate


def find_nvml(gpus: Sequence[str] = ()) -> list[Candidate]:
    """The GPUs called `gpus` (indices or UUIDs), or all of them.

    Raises NoDevice when there is no driver, no GPU or no permission; a candidate's `open` raises DeviceError when
    its GPU does not answer.
    """
    _initialise()
    candidates = [Candidate("nvml", index, partial(_open_gpu, index)) for index in _chosen(gpus)]
    # Each GPU that is opened takes the driver for itself; this was for looking around.
    with suppress(pynvml.NVMLError):
        pynvml.nvmlShutdown()
    return candidates


def _open_gpu(index: int) -> NvmlGpu:
    pynvml.nvmlInit()
    try:
        return NvmlGpu(pynvml.nvmlDeviceGetHandleByIndex(index), index).open()
    except pynvml.NVMLError as error:
        pynvml.nvmlShutdown()
        raise DeviceError(
            f"GPU {index} does not answer: {error}",
            remedy="choose the others (measure --gpu, a demo's gpus:), or reset it",
        ) from error


def _chosen(gpus: Sequence[str]) -> list[int]:
    """Indices of the GPUs called `gpus`, each once; of all, when none is called."""
    indices = {str(index): index for index in range(pynvml.nvmlDeviceGetCount())}
    if not indices:
        raise NoDevice("the NVIDIA driver sees no GPU", remedy=SHOW_THE_GPU)
    unknown = [name for name in gpus if name not in indices]
    if unknown:
        uuids = _uuids(len(indices))
        indices |= {uuid: index for index, uuid in enumerate(uuids) if uuid}
        for name in unknown:
            if name not in indices:
                there = ", ".join(f"{index} ({uuid or 'does not answer'})" for index, uuid in enumerate(uuids))
                raise NoDevice(f"no GPU is called {name!r}", remedy=f"there are {there}")
    return sorted({indices[name] for name in gpus or indices})


def _uuids(count: int) -> list[str | None]:
    """Every GPU's UUID, None where it does not tell, or not in time."""
    asked = [started(partial(_uuid, index)) for index in range(count)]
    settle(asked)
    if not all(each.done() for each in asked):
        pynvml.nvmlInit()  # once more, never taken back: a thread is inside the driver
    return [each.result() if each.done() else None for each in asked]


def _uuid(index: int) -> str | None:
    try:
        uuid: str = pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(index))
    except pynvml.NVMLError:
        return None
    return uuid


def _initialise() -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        what, remedy = _NO_DRIVER.get(error.value, (f"the NVIDIA driver refuses: {error}", "see nvidia-smi"))
        raise NoDevice(what, remedy=remedy) from error


SHOW_THE_GPU = "see whether nvidia-smi lists it; in a container, start it with --gpus all"
_NO_DRIVER = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: (
        "no NVIDIA driver library (libnvidia-ml.so.1) is installed",
        "install NVIDIA's driver; in a container, start it with --gpus all",
    ),
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: (
        "the NVIDIA kernel driver is not loaded",
        "load it (sudo modprobe nvidia), or reboot after installing it",
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "no permission to use the NVIDIA driver",
        "let this user read and write /dev/nvidiactl and /dev/nvidia*",
    ),
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
        "the NVIDIA library and kernel driver are of different versions",
        "reboot, or reload the kernel driver: it was updated while running",
    ),
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: (
        "the NVIDIA driver is too old",
        "install a driver of this decade",
    ),
}
