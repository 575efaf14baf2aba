"""Findings about memory: what the arms of a demo need, against what is free. Pure: facts in, findings out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.arms.memory import GpuMemory, claims, loaded_bytes, share_out
from engine.config import Arm, Demo
from engine.doctor.boards import Device, find
from engine.doctor.findings import Finding
from engine.errors import ArmUnavailable, NoDevice
from engine.plan import gpus

_PROCESS_BYTES = 1.2e9
"""What a vLLM on the CPU takes beside weights and cache: PyTorch, its libraries, activations (measured: 1.7 GB in all
for a model of 0.27 GB and a cache of 0.13 GB)."""
_CACHE_BYTES = 134_217_728
"""The cache of an arm that does not say, as wattrace starts it on a CPU."""


def on_gpus(
    demo: Demo,
    devices: Sequence[Device],
    rows: Sequence[Mapping[str, Any]],
    *,
    weight_bytes: int | None,
    main_bytes: int | None,
) -> Iterable[Finding]:
    """The shares that the arms would get of their GPUs' memory, each with its reason, or why they do not fit.

    `rows` are the devices' newest slow readings, `weight_bytes` is the size of the model's files, `main_bytes` the
    main memory that is free for arms that sleep.
    """
    try:
        names = gpus.wanted(demo)
    except NoDevice:
        return  # the GPUs have a finding of their own
    indices = {label: [index for name in its for index in _indices(name, devices)] for label, its in names.items()}
    if any(len(indices[label]) < len(its) for label, its in names.items()):
        return
    known = {device["index"]: _memory(device, row) for device, row in zip(devices, rows, strict=False)}
    asked = claims(gpus.placed(demo, indices), weight_bytes)
    try:
        shares = share_out(asked, known, mode=demo.schedule.mode, can_sleep=True, main_memory_bytes=main_bytes)
    except ArmUnavailable as error:
        remedy = error.remedy or "choose a smaller model, or fewer arms"
        yield Finding("memory", "problem", f"arm {error.arm}: {error.problem}", remedy)
        return
    for share in shares.of.values():
        yield Finding("memory", "ok", share.why)


def _indices(name: int | str, devices: Sequence[Device]) -> list[int]:
    """The index of the device called `name`; none when it is not there."""
    device = find(name, devices)
    return [] if device is None else [int(device["index"])]


def _memory(device: Device, row: Mapping[str, Any]) -> GpuMemory:
    total, used = device.get("memory_total_bytes"), row.get("memory_used_bytes")
    return GpuMemory(total, None if total is None or used is None else total - used)


def on_the_cpu(demo: Demo, *, weight_bytes: int | None, available_bytes: int | None) -> Iterable[Finding]:
    """Whether arms on the CPU fit into main memory together, as far as their sizes can be told beforehand."""
    vllm = [(label, arm) for label, arm in zip(demo.labels, demo.arms, strict=True) if arm.runtime == "vllm"]
    if not vllm or weight_bytes is None or available_bytes is None:
        return
    wanted = {label: _PROCESS_BYTES + _cache(arm) + (loaded_bytes(weight_bytes, arm) or 0) for label, arm in vllm}
    need = sum(wanted.values())
    each = ", ".join(f"{label} {size / 1e9:.1f} GB" for label, size in wanted.items())
    text = f"about {need / 1e9:.1f} GB wanted ({each}), {available_bytes / 1e9:.1f} GB of main memory available"
    if need <= available_bytes:
        yield Finding("memory", "ok", text)
    else:
        remedy = "end other programs, or give the arms a smaller cache (kv_cache_memory_bytes)"
        yield Finding("memory", "warning", text, remedy)


def _cache(arm: Arm) -> float:
    asked = arm.args.get("kv_cache_memory_bytes")
    return float(asked) if isinstance(asked, int | float) else _CACHE_BYTES
