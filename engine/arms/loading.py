"""How far a server's start is, from the lines that vLLM prints meanwhile. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

Stage = Literal["configuring", "loading weights", "compiling", "sizing the cache", "capturing graphs", "opening"]


@dataclass(frozen=True)
class Progress:
    """What a starting server is doing, and which share of that (0 to 1) is done; None where vLLM does not say."""

    stage: Stage
    share: float | None = None


# tqdm's bars: `Loading safetensors checkpoint shards:  50% Completed | 1/2 [...]`, `Capturing CUDA graphs
# (mixed prefill-decode, PIECEWISE):  40%|████ | ...`. Loaders and speculators have names of their own in between.
_BARS: tuple[tuple[re.Pattern[str], Stage], ...] = (
    (re.compile(r"\b[Ll]oading [^:|]*(?:shards|Streamer|loader)[^:|]*:\s*(?P<percent>\d{1,3})%"), "loading weights"),
    (re.compile(r"\bCapturing [^:|]*graphs[^:|]*:\s*(?P<percent>\d{1,3})%", re.IGNORECASE), "capturing graphs"),
    (re.compile(r"\b(?:JIT kernel warmup|Compiling \w+ kernels)[^:|]*:\s*(?P<percent>\d{1,3})%"), "compiling"),
)
_LINES: tuple[tuple[re.Pattern[str], Stage, float | None], ...] = (
    (re.compile(r"Initializing a V\d LLM engine"), "configuring", None),
    (re.compile(r"Starting to load model"), "loading weights", 0.0),
    (re.compile(r"Loading weights took|Model loading took"), "loading weights", 1.0),
    (re.compile(r"Starting torch\.compile|Dynamo bytecode transform|Compiling a graph for"), "compiling", None),
    (re.compile(r"torch\.compile (?:took|takes) .* in total"), "compiling", 1.0),
    (re.compile(r"Available KV cache memory|KV cache size:"), "sizing the cache", None),
    (re.compile(r"Graph capturing finished"), "capturing graphs", 1.0),
    (re.compile(r"Starting vLLM (?:API )?server|Application startup complete"), "opening", None),
)


def progress(line: str) -> Progress | None:
    """What `line` tells about the start; None when it tells nothing."""
    for bar, stage in _BARS:
        if found := bar.search(line):
            return Progress(stage, min(1.0, int(found["percent"]) / 100))
    return next((Progress(stage, share) for pattern, stage, share in _LINES if pattern.search(line)), None)
