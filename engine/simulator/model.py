"""How long one step takes: a roofline of an H100-like GPU, from the model's name and vLLM's arguments.

A step reads the weights and the key-value cache once (memory), multiplies (compute), and costs the host
something (launches, scheduling, sampling, HTTP). Memory and compute overlap, the host's part does not. The
constants are set so that Qwen2.5-1.5B in bf16 gives about 285 tok/s at batch 1 and 2,000 tok/s at batch 8.
"""

import math
import re
from dataclasses import dataclass

from engine.occupancy import Load

NS = 1_000_000_000
GPU_MEMORY_BYTES = 80e9
BANDWIDTH = 3.35e12 * 0.63  # bytes/s: small kernels do not reach the data sheet's figure
FLOPS_BF16 = 989e12 * 0.45  # the same for tensor cores, dense
ACTIVATION_BYTES = 4e9  # set aside for activations and graphs, as vLLM's memory profile does

REFERENCE_PARAMETERS = 1.54e9  # Qwen2.5-1.5B: the model that the constants were set with
REFERENCE_LAYERS = 28
REFERENCE_KV_BYTES = 28_672  # per token: 28 layers, 2 key-value heads of 128, keys and values, 2 bytes

HOST_SECONDS = 2.0e-3  # per step: scheduling, one graph launch, sampling, detokenizing, HTTP
SYNCHRONOUS_SECONDS = 0.5e-3  # what asynchronous scheduling hides
EAGER_SECONDS_PER_LAYER = 0.2e-3  # about 25 launches a layer, each waited for by a GPU that is done too soon
SEQUENCE_HOST_SECONDS = 0.02e-3  # per sequence and step
SEQUENCE_GPU_SECONDS = 0.05e-3  # its attention and sampling kernels, bound by bandwidth

WEIGHT_BYTES = {"auto": 2.0, "half": 2.0, "float16": 2.0, "bfloat16": 2.0, "float": 4.0, "float32": 4.0}
QUANTIZED_BYTES = {"fp8": 1.0, "fbgemm_fp8": 1.0, "ptpc_fp8": 1.0, "modelopt": 1.0, "compressed-tensors": 1.0}
FOUR_BIT = {"awq", "awq_marlin", "gptq", "gptq_marlin", "bitsandbytes", "gguf", "mxfp4", "modelopt_fp4"}


@dataclass(frozen=True)
class ModelSize:
    """What a model's name gives away: parameters in all, and those that one token uses (experts)."""

    parameters: float
    active: float

    @classmethod
    def of(cls, name: str) -> "ModelSize":
        """From a name like `Qwen2.5-1.5B`, `smollm2-135m`, `Qwen3-30B-A3B`; 1.5B if it tells nothing."""
        last = name.rstrip("/").rsplit("/", 1)[-1]
        scale = {"b": 1e9, "m": 1e6}
        found = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)([bm])(?![a-z])", last, re.IGNORECASE)
        total = float(found[1]) * scale[found[2].lower()] if found else 1.5e9
        expert = re.search(r"(?<![a-z])a(\d+(?:\.\d+)?)b(?![a-z])", last, re.IGNORECASE)
        return cls(total, min(total, float(expert[1]) * 1e9) if expert else total)


@dataclass(frozen=True)
class Work:
    """What one step computes: its sequences, tokens that decode and prefill, tokens of cache it reads."""

    sequences: int
    decode_tokens: int
    prefill_tokens: int
    context_tokens: int
    prefilling: int = 0


@dataclass(frozen=True)
class Cost:
    """What one step costs: its duration, and the load that it puts on the GPU meanwhile."""

    duration_ns: int
    load: Load


@dataclass(frozen=True)
class Roofline:
    """The GPU and the model on it."""

    size: ModelSize
    weight_bytes: float = 2.0
    """Per parameter."""
    kv_scale: float = 1.0
    """Key-value cache bytes against bf16's."""
    flops: float = FLOPS_BF16
    eager: bool = False
    asynchronous: bool = True

    @property
    def layers(self) -> float:
        """Layers that a model of this size has, about."""
        return REFERENCE_LAYERS * self._grown(0.22)

    @property
    def kv_bytes_per_token(self) -> float:
        """Bytes of cache that one token of context takes."""
        return REFERENCE_KV_BYTES * self.kv_scale * self._grown(0.75)

    @property
    def weights(self) -> float:
        """Bytes of all weights."""
        return self.size.parameters * self.weight_bytes

    def kv_capacity_tokens(self, memory_share: float, kv_cache_bytes: float | None = None) -> int:
        """Tokens that fit beside the weights in `memory_share` of the GPU, or in the bytes given."""
        room = GPU_MEMORY_BYTES * memory_share - self.weights - ACTIVATION_BYTES
        return max(0, int((kv_cache_bytes or room) / self.kv_bytes_per_token))

    def cost(self, work: Work) -> Cost:
        """Duration and load of a step that does `work`."""
        tokens = work.decode_tokens + work.prefill_tokens
        # A batch wakes more experts than one token does: all of them soon.
        awake = min(1.0, self.size.active / self.size.parameters * math.pow(max(1, tokens), 0.8))
        memory = (self.weights * awake + work.context_tokens * self.kv_bytes_per_token) / BANDWIDTH
        memory += work.sequences * SEQUENCE_GPU_SECONDS
        compute = 2 * self.size.active * tokens / self.flops
        seconds = max(memory, compute) + self._host_seconds(work.sequences)
        load = Load(
            running=work.sequences,
            prefilling=work.prefilling,
            memory_share=memory / seconds,
            compute_share=compute / seconds,
        )
        return Cost(round(seconds * NS), load)

    def _grown(self, exponent: float) -> float:
        return math.pow(self.size.parameters / REFERENCE_PARAMETERS, exponent)

    def _host_seconds(self, sequences: int) -> float:
        seconds = HOST_SECONDS + sequences * SEQUENCE_HOST_SECONDS
        if not self.asynchronous:
            seconds += SYNCHRONOUS_SECONDS
        if self.eager:
            seconds += EAGER_SECONDS_PER_LAYER * self.layers
        return seconds


def roofline(
    model: str,
    *,
    dtype: str = "auto",
    quantization: str | None = None,
    kv_cache_dtype: str = "auto",
    eager: bool = False,
    asynchronous: bool = True,
) -> Roofline:
    """The roofline of `model` under vLLM's arguments of the same names."""
    per_weight = WEIGHT_BYTES.get(dtype, 2.0)
    flops = FLOPS_BF16 * 2.0 / max(2.0, per_weight)
    if quantization in QUANTIZED_BYTES:
        per_weight, flops = QUANTIZED_BYTES[quantization], FLOPS_BF16 * 2
    elif quantization in FOUR_BIT:
        per_weight = 0.56  # four bits, and the scales
    kv_scale = 0.5 if kv_cache_dtype.startswith("fp8") else max(2.0, WEIGHT_BYTES.get(dtype, 2.0)) / 2.0
    return Roofline(ModelSize.of(model), per_weight, kv_scale, flops, eager, asynchronous)
