"""The configuration that a vLLM server really runs with, as far as it says: some twenty values, by vLLM's names.

Best from `/server_info`, which only servers with development endpoints have. The others tell most of it while they
start, in their log, and the cache's size in `/metrics`.
"""

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from pydantic import JsonValue

_LONGEST = 200
"""Characters of a value: a compilation configuration in full has thousands."""

# Where `/server_info` has each value.
_PLACES = {
    "model": "model_config.model",
    "dtype": "model_config.dtype",
    "quantization": "model_config.quantization",
    "max_model_len": "model_config.max_model_len",
    "enforce_eager": "model_config.enforce_eager",
    "max_num_seqs": "scheduler_config.max_num_seqs",
    "max_num_batched_tokens": "scheduler_config.max_num_batched_tokens",
    "enable_chunked_prefill": "scheduler_config.enable_chunked_prefill",
    "async_scheduling": "scheduler_config.async_scheduling",
    "kv_cache_dtype": "cache_config.cache_dtype",
    "block_size": "cache_config.block_size",
    "num_gpu_blocks": "cache_config.num_gpu_blocks",
    "kv_cache_size_tokens": "cache_config.kv_cache_size_tokens",
    "gpu_memory_utilization": "cache_config.gpu_memory_utilization",
    "enable_prefix_caching": "cache_config.enable_prefix_caching",
    "tensor_parallel_size": "parallel_config.tensor_parallel_size",
    "attention_backend": "attention_config.backend",
    "compilation_mode": "compilation_config.mode",
    "cudagraph_mode": "compilation_config.cudagraph_mode",
    "optimization_level": "optimization_level",
    "performance_mode": "performance_mode",
    "device": "device_config.device",
}
_SPECULATION = ("method", "model", "num_speculative_tokens")
_COMPILATION_MODES = {"0": "NONE", "1": "STOCK_TORCH_COMPILE", "2": "DYNAMO_TRACE_ONCE", "3": "VLLM_COMPILE"}
_CUDAGRAPH_MODES = {
    "0": "NONE",
    "1": "PIECEWISE",
    "2": "FULL",
    "[2, 0]": "FULL_DECODE_ONLY",
    "[2, 1]": "FULL_AND_PIECEWISE",
}

_ENGINE_LINE = "LLM engine ("
_WRITTEN = {
    "model": r"config: model='(.*?)',",
    "dtype": r" dtype=([^,]+),",
    "max_model_len": r" max_seq_len=(\d+),",
    "tensor_parallel_size": r" tensor_parallel_size=(\d+),",
    "quantization": r" quantization=([^,]+),",
    "enforce_eager": r" enforce_eager=(\w+),",
    "kv_cache_dtype": r" kv_cache_dtype=([^,]+),",
    "device": r" device_config=([^,]+),",
    "enable_prefix_caching": r" enable_prefix_caching=(\w+),",
    "enable_chunked_prefill": r" enable_chunked_prefill=(\w+),",
    "speculative_config": r" speculative_config=(None|\w+\(.*?\)),",
    "compilation_mode": r"'mode': <CompilationMode\.(\w+)",
    "cudagraph_mode": r"'cudagraph_mode': <CUDAGraphMode\.(\w+)",
}
_LINES = {
    "max_num_batched_tokens": re.compile(r"Chunked prefill is enabled with max_num_batched_tokens=(\d+)"),
    "attention_backend": re.compile(r"Using (\w+) (?:attention backend|backend)"),
    "kv_cache_size_tokens": re.compile(r"KV cache size: ([\d,]+) tokens"),
}
_CACHE_LABELS = ("block_size", "num_gpu_blocks", "kv_cache_size_tokens", "gpu_memory_utilization")


def told_by_line(line: str) -> dict[str, JsonValue]:
    """What one line of the log says about the configuration; nothing, nearly always. Pure."""
    if _ENGINE_LINE in line:
        found = {name: re.search(pattern, line) for name, pattern in _WRITTEN.items()}
        return {name: _value(match[1]) for name, match in found.items() if match}
    matches = {name: pattern.search(line) for name, pattern in _LINES.items()}
    return {name: _value(match[1].replace(",", "")) for name, match in matches.items() if match}


def told_by_server(config: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The values in the `vllm_config` that `/server_info` answers; what it has not is left out. Pure."""
    values = {name: _at(config, place) for name, place in _PLACES.items()}
    told = {name: _value(value) for name, value in values.items() if value is not _NOWHERE}
    for name, words in (("compilation_mode", _COMPILATION_MODES), ("cudagraph_mode", _CUDAGRAPH_MODES)):
        if name in told:
            told[name] = words.get(str(values[name]), told[name])
    speculation = config.get("speculative_config")
    if isinstance(speculation, Mapping):
        told["speculative_config"] = {name: _value(speculation.get(name)) for name in _SPECULATION}
    elif "speculative_config" in config:
        told["speculative_config"] = None
    return told


def told_by_metrics(exposition: str) -> dict[str, JsonValue]:
    """The cache's size, out of the labels of `vllm:cache_config_info`. Pure."""
    line = next((line for line in exposition.splitlines() if line.startswith("vllm:cache_config_info{")), "")
    labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
    return {name: _value(labels[name]) for name in _CACHE_LABELS if name in labels}


async def ask_effective(base_url: str, *, logged: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The configuration of the server at `base_url`, with `told_by` saying who told it; empty: nobody did.

    `logged` is what its log told. Ask before a race: the first answer of `/server_info` takes seconds.
    """
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(base_url, timeout=timeout) as session:
        info = await _json(session, "/server_info?config_format=json")
        config = info.get("vllm_config") if isinstance(info, dict) else None
        if isinstance(config, dict):
            return {"told_by": "server_info", **told_by_server(config)}
        told = {**logged, **told_by_metrics(await _text(session, "/metrics"))}
        return {"told_by": "log and metrics", **told} if told else {}


async def _json(session: aiohttp.ClientSession, path: str) -> Any:
    try:
        async with session.get(path) as answer:
            return await answer.json() if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None


async def _text(session: aiohttp.ClientSession, path: str) -> str:
    try:
        async with session.get(path) as answer:
            return await answer.text() if answer.status == 200 else ""
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return ""


_NOWHERE = object()


def _at(config: Mapping[str, Any], place: str) -> Any:
    value: Any = config
    for part in place.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _NOWHERE
        value = value[part]
    return value


def _value(value: Any) -> JsonValue:
    """As it should be read: plain numbers, truth values and None, everything else as text of bounded length."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value).removeprefix("torch.").strip("'")[:_LONGEST]
    if text in _WORDS:
        return _WORDS[text]
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


_WORDS: dict[str, JsonValue] = {"None": None, "True": True, "False": False}
