"""Shares of GPU memory that fit together, and why. Pure.

vLLM takes `gpu_memory_utilization` of the whole board when it starts, whatever else is there, and refuses to start when
less than that is free. So the shares of arms that are resident together must add up to what is free; where they cannot,
arms that take turns can share by sleeping: one holds the memory, the others wait in main memory.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.config import Arm, Demo
from engine.errors import ArmUnavailable

Mode = Literal["alternate", "parallel", "shared"]
GpuName = int | str

MOST = 0.9
"""Of a board, when nothing is known of it: the driver and other programs need some, and graphs come on top."""
SPARE = 0.02
"""Of a board, left free of what is free now: readings are not from the moment at which vLLM looks."""
OVERHEAD_BYTES = 1.5 * 2**30
"""What an arm needs beside its weights at the very least: CUDA's context, activations, a small cache."""
ASLEEP_BYTES = 1.5 * 2**30
"""What a sleeping arm still holds: CUDA's context and graphs."""
_CACHE_SIZES = frozenset({"kv_cache_memory_bytes", "num_gpu_blocks_override"})
"""vLLM's arguments that size its cache, whatever its share of the board."""
_GIB = 2**30


@dataclass(frozen=True)
class GpuMemory:
    """One GPU's memory in bytes; None where it is not known."""

    total_bytes: float | None = None
    free_bytes: float | None = None


@dataclass(frozen=True)
class Claim:
    """What one arm asks for: a share (None: whatever fits) of each of its GPUs, for weights of so many bytes."""

    label: str
    gpus: tuple[GpuName, ...]
    share: float | None = None
    weight_bytes: float | None = None
    """Of the whole model as it is loaded; each GPU gets its part."""
    restarts: bool = False
    """Whether it may be started again in the middle of a race."""


@dataclass(frozen=True)
class Share:
    """What one arm gets, and why, in one sentence."""

    share: float
    why: str
    size_bytes: float | None = None
    """Of all its GPUs together; None where their memory is not known."""


@dataclass(frozen=True)
class Shares:
    """What every arm gets; `by_turns`: only if the others sleep meanwhile."""

    of: Mapping[str, Share]
    by_turns: bool = False


def claims(demo: Demo, weight_bytes: float | None = None) -> list[Claim]:
    """What a demo's vLLM arms ask for; `weight_bytes` is the size of the model's weights on disk."""
    arms = zip(demo.labels, demo.arms, strict=True)
    return [
        Claim(label, tuple(demo.gpus_of(label)), _asked(arm), loaded_bytes(weight_bytes, arm), arm.restart is not None)
        for label, arm in arms
        if arm.runtime == "vllm"
    ]


def least_freed_bytes(arm: Arm, size_bytes: float | None) -> float | None:
    """What must become free before `arm`, whose share is `size_bytes`, counts as asleep: half of that; None: unknown.

    An arm whose cache is sized otherwise does not fill its share.
    """
    return None if size_bytes is None or arm.args.keys() & _CACHE_SIZES else size_bytes / 2


def loaded_bytes(weight_bytes: float | None, arm: Arm) -> float | None:
    """Size of the weights in memory: files hold 16 bits a weight nearly always, so float32 doubles them.

    Quantization on the way in makes them smaller, but only once all of them have been there.
    """
    wide = arm.args.get("dtype") in ("float32", "float")
    return None if weight_bytes is None else weight_bytes * (2 if wide else 1)


def _asked(arm: Arm) -> float | None:
    value = arm.args.get("gpu_memory_utilization", arm.args.get("device_memory_utilization"))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def share_out(
    asked: Sequence[Claim],
    gpus: Mapping[GpuName, GpuMemory],
    *,
    mode: Mode = "alternate",
    can_sleep: bool = False,
    main_memory_bytes: float | None = None,
) -> Shares:
    """Shares for the arms `asked`; arms with GPUs in common are resident together.

    `gpus` names GPUs as the claims do; one that is missing is unknown. `can_sleep`: the arms' platform has sleep mode
    (CUDA). `main_memory_bytes`: free memory of the host, where sleeping arms keep their weights; None: unknown. Raises
    ArmUnavailable, naming the first arm that does not fit, when they cannot run together nor by turns.
    """
    try:
        return _together(asked, gpus)
    except ArmUnavailable as error:
        if mode != "alternate" or not can_sleep or len(asked) < 2:
            raise
        return _by_turns(asked, gpus, main_memory_bytes, error)


def _together(asked: Sequence[Claim], gpus: Mapping[GpuName, GpuMemory]) -> Shares:
    given = {claim.label: _given(claim, asked, gpus) for claim in asked}
    for name in dict.fromkeys(gpu for claim in asked for gpu in claim.gpus):
        _check_sum(name, [claim for claim in asked if name in claim.gpus], given, gpus.get(name, GpuMemory()))
    for claim in asked:
        _check_weights(claim, given[claim.label], gpus, "share")
    return Shares({claim.label: _told(claim, given[claim.label], asked, gpus) for claim in asked})


def _given(claim: Claim, asked: Sequence[Claim], gpus: Mapping[GpuName, GpuMemory]) -> float:
    """The asked share, else an equal part of what the others leave, on the GPU where that is least."""
    if claim.share is not None:
        return claim.share
    parts = []
    for name in claim.gpus:
        there = [other for other in asked if name in other.gpus]
        taken = sum(other.share or 0.0 for other in there)
        parts.append((_room(gpus.get(name, GpuMemory())) - taken) / sum(other.share is None for other in there))
    return max(0.0, math.floor(min(parts) * 1000) / 1000)


def _room(gpu: GpuMemory) -> float:
    """The share of a board that arms without a wish may have together."""
    if not gpu.total_bytes or gpu.free_bytes is None:
        return MOST
    return min(MOST, gpu.free_bytes / gpu.total_bytes - SPARE)


def _check_sum(name: GpuName, there: Sequence[Claim], given: Mapping[str, float], gpu: GpuMemory) -> None:
    total = sum(given[claim.label] for claim in there)
    free = 1.0 if not gpu.total_bytes or gpu.free_bytes is None else gpu.free_bytes / gpu.total_bytes
    wanting = next((claim for claim in there if given[claim.label] <= 0), None)
    if total <= free + 1e-9 and wanting is None:
        return
    who = " and ".join(f"{claim.label} {given[claim.label]:g}" for claim in there)
    left = f"{_gib(gpu.free_bytes)} of its {_gib(gpu.total_bytes)} GiB are free" if gpu.free_bytes is not None else ""
    problem = f"the shares of GPU {name}'s memory do not fit together: {who}" + (f", and {left}" if left else "")
    remedy = "lower gpu_memory_utilization, end what else is on that GPU, or give the arms GPUs of their own"
    raise ArmUnavailable((wanting or there[-1]).label, problem, remedy=remedy)


def _check_weights(claim: Claim, share: float, gpus: Mapping[GpuName, GpuMemory], what: str) -> None:
    if claim.weight_bytes is None:
        return
    need = claim.weight_bytes / len(claim.gpus) + OVERHEAD_BYTES
    for name in claim.gpus:
        total = gpus.get(name, GpuMemory()).total_bytes
        if total is not None and share * total < need:
            problem = (
                f"its weights need {_gib(need)} GiB of GPU {name} at the least, and its {what} of {share:g} is "
                f"{_gib(share * total)} GiB"
            )
            raise ArmUnavailable(claim.label, problem, remedy="choose a smaller model, a quantized one, or more GPUs")


def _told(claim: Claim, share: float, asked: Sequence[Claim], gpus: Mapping[GpuName, GpuMemory]) -> Share:
    others = [other.label for other in asked if other is not claim and set(other.gpus) & set(claim.gpus)]
    where = " and ".join(f"GPU {name}" for name in claim.gpus)
    size = _size(share, claim, gpus)
    company = f" beside {' and '.join(others)}" if others else ""
    reason = "as the demo asks" if claim.share is not None else f"an equal part of what is free{company}"
    why = f"arm {claim.label} gets {share:g} of {where}{size}: {reason}"
    return Share(share, why, _size_bytes(share, claim, gpus))


def _by_turns(
    asked: Sequence[Claim],
    gpus: Mapping[GpuName, GpuMemory],
    main_memory_bytes: float | None,
    instead: ArmUnavailable,
) -> Shares:
    """Each arm alone, the others asleep; `instead` is why they cannot be there together."""
    _refuse_restarts(asked)
    shares: dict[str, Share] = {}
    for claim in asked:
        room = min(_room_alone(name, asked, gpus.get(name, GpuMemory())) for name in claim.gpus)
        share = math.floor(room * 1000) / 1000 if claim.share is None else claim.share
        if share > room + 1e-9 or share <= 0:
            raise instead
        _check_weights(claim, share, gpus, "share alone")
        others = " and ".join(other.label for other in asked if other is not claim)
        size = _size(share, claim, gpus)
        why = f"arm {claim.label} gets {share:g}{size} by turns, while {others} sleep"
        shares[claim.label] = Share(share, why, _size_bytes(share, claim, gpus))
    _check_main_memory(asked, main_memory_bytes)
    return Shares(shares, by_turns=True)


def _refuse_restarts(asked: Sequence[Claim]) -> None:
    """An arm that is started again would load its weights into the memory that another one is awake in."""
    if claim := next((claim for claim in asked if claim.restarts), None):
        problem = "it is to be restarted, but the arms fit into the GPU's memory by turns only"
        raise ArmUnavailable(claim.label, problem, remedy="take restart out, or give the arms GPUs of their own")


def _room_alone(name: GpuName, asked: Sequence[Claim], gpu: GpuMemory) -> float:
    sleepers = sum(name in claim.gpus for claim in asked) - 1
    return _room(gpu) - (sleepers * ASLEEP_BYTES / gpu.total_bytes if gpu.total_bytes else 0.05 * sleepers)


def _check_main_memory(asked: Sequence[Claim], free: float | None) -> None:
    """Sleeping arms keep their weights in main memory: all but one at a time."""
    weights = [claim.weight_bytes or 0.0 for claim in asked]
    need = sum(weights) - min(weights)
    if free is not None and need > free:
        problem = f"asleep, the arms' weights need {_gib(need)} GiB of main memory, and {_gib(free)} GiB are free"
        raise ArmUnavailable(asked[-1].label, problem, remedy="choose a smaller model, or fewer arms")


def _size(share: float, claim: Claim, gpus: Mapping[GpuName, GpuMemory]) -> str:
    totals = [total for name in claim.gpus if (total := gpus.get(name, GpuMemory()).total_bytes) is not None]
    return f" ({_gib(share * totals[0])} GiB)" if totals else ""


def _size_bytes(share: float, claim: Claim, gpus: Mapping[GpuName, GpuMemory]) -> float | None:
    totals = [gpus.get(name, GpuMemory()).total_bytes for name in claim.gpus]
    known = [total for total in totals if total is not None]
    return share * sum(known) if known and len(known) == len(totals) else None


def _gib(size: float | None) -> str:
    return "?" if size is None else f"{size / _GIB:.1f}"
