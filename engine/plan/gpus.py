"""Which GPUs each arm gets: by index or UUID as the demo says, resolved to NVML's indices."""

import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from engine.arms.memory import GpuMemory
from engine.clock import MonotonicClock
from engine.config import Demo
from engine.errors import NoDevice
from engine.sources import Candidate, find_sources
from engine.sources.patience import settle, started

GpuName = int | str


def wanted(demo: Demo, environ: Mapping[str, str] = os.environ) -> dict[str, list[GpuName]]:
    """The GPUs of each arm, by label.

    An arm that names none gets its own by number, counted over the GPUs that CUDA_VISIBLE_DEVICES leaves to us (a
    batch system sets it) where that is set.
    """
    visible = [name.strip() for name in environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    found: dict[str, list[GpuName]] = {}
    for label, arm in zip(demo.labels, demo.arms, strict=True):
        names = demo.gpus_of(label)
        if arm.gpus is None and visible:
            number = names[0]
            assert isinstance(number, int)
            if number >= len(visible):
                what = f"arm {label} needs a GPU of its own, and CUDA_VISIBLE_DEVICES has {len(visible)}"
                raise NoDevice(what, remedy="give this session more GPUs, or race in turns (schedule.mode: alternate)")
            name = visible[number]
            names = [int(name) if name.isdecimal() else name]
        found[label] = names
    return found


def resolved(names: Mapping[str, Iterable[GpuName]]) -> dict[str, list[int]]:
    """Each arm's GPUs as NVML numbers them; raises NoDevice when one is not there, or there is no driver at all."""
    return {label: sorted({candidate.index for candidate in _found(each)}) for label, each in names.items()}


def memory(indices: Iterable[int]) -> dict[GpuName, GpuMemory]:
    """The memory of these GPUs; of one that does not answer in time nothing is known."""
    numbers = list(dict.fromkeys(indices))
    asked = [started(partial(_memory, candidate)) for candidate in _found(numbers)]
    settle(asked)
    answers = zip(sorted(numbers), asked, strict=True)
    return {index: answer.result() for index, answer in answers if answer.done() and not answer.exception()}


def _found(names: Iterable[GpuName]) -> list[Candidate]:
    return find_sources("nvml", clock=MonotonicClock(), gpus=[str(name) for name in names])


def _memory(candidate: Candidate) -> GpuMemory:
    source = candidate.open()
    total = source.provenance().get("memory_total_bytes")
    used = next((call.read()[0] for call in source.slow_calls if call.columns == ("memory_used_bytes",)), None)
    source.close()
    if not isinstance(total, int | float):
        return GpuMemory()
    return GpuMemory(total, total - used if used is not None else None)


def placed(demo: Demo, indices: Mapping[str, list[int]]) -> Demo:
    """The same demo with every arm's GPUs by index: vLLM takes no UUIDs in CUDA_VISIBLE_DEVICES."""
    arms = zip(demo.labels, demo.arms, strict=True)
    return demo.model_copy(update={"arms": [arm.model_copy(update={"gpus": indices[label]}) for label, arm in arms]})


def numbered(names: Mapping[str, list[Any]]) -> dict[str, list[int]]:
    """GPUs of a simulation: whatever they are called, counted from 0 in the order in which arms name them."""
    order = list(dict.fromkeys(str(name) for each in names.values() for name in each))
    return {label: sorted({order.index(str(name)) for name in each}) for label, each in names.items()}


def cuda_environment(indices: Iterable[int]) -> dict[str, str]:
    """What lets CUDA see just these GPUs, numbered as NVML does: else others would be used than are measured."""
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, indices)), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
