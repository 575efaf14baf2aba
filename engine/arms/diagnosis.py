"""What the last lines of a server or a command mean, in one plain sentence. Pure."""

import re
from collections.abc import Sequence

# The more telling a line is, the further up its pattern: the last lines repeat the first in vaguer words.
_ANYBODYS: tuple[tuple[str, str], ...] = (
    (
        r"gated repo|Access to model (?P<what>\S+) is restricted",
        "the model is gated: accept its licence on its page, and set HF_TOKEN in the environment",
    ),
    (
        r"(?:LocalEntryNotFoundError|outgoing traffic has been disabled|couldn't connect to '?https://huggingface)",
        "the model is not in the local cache: download it first",
    ),
    (
        r"invalid device ordinal|No CUDA GPUs are available|no CUDA-capable device|Invalid device id",
        "the GPU that it was given is not there: see the arm's gpus, and CUDA_VISIBLE_DEVICES",
    ),
    (
        r"no kernel image is available|CUDA driver version is insufficient",
        "its build of CUDA or PyTorch is for another GPU or driver",
    ),
)

_VLLMS: tuple[tuple[str, str], ...] = (
    (
        r"Free memory on device \S*?\s*\((?P<free>[\d.]+)/(?P<total>[\d.]+) GiB\) on startup is less than desired GPU "
        r"memory utilization \((?P<share>[\d.]+), (?P<asked>[\d.]+) GiB\)",
        "its GPU has {free} of {total} GiB free and gpu_memory_utilization {share} asks for {asked}: "
        "lower it, or end what else is on that GPU",
    ),
    (
        r"No available memory for the cache blocks",
        "the weights leave no memory for its cache: raise gpu_memory_utilization, or choose a smaller model",
    ),
    (
        r"larger than the available KV cache memory(?:.*maximum model length is (?P<fits>\d+))?",
        "its cache is too small for one request of max_model_len tokens: lower max_model_len, or give it more memory",
    ),
    (
        r"out of memory|less than desired GPU memory",
        "the device is out of memory: lower gpu_memory_utilization or max_model_len, or choose a smaller model",
    ),
    (r"address already in use", "its port was taken by another program: start the race again"),
    (r"unrecognized arguments?: (?P<what>.+)", "vLLM does not know the argument {what}: see its --help"),
    (r"argument (?P<what>--[\w-]+)(?:/-\w+)?: (?P<why>.+)", "vLLM refuses the argument {what}: {why}"),
    (
        r"No module named '?(?P<what>[\w.]+)",
        "its interpreter has no package {what}: name another in WATTRACE_VLLM_PYTHON",
    ),
    *_ANYBODYS,
    (
        r"(?:Repo id must be|is not a local folder|Can't load the configuration of|Invalid repository ID)",
        "the model is not on this machine: download it first, or name its folder in the demo",
    ),
    (
        r"quantization method (?P<what>\S+) is not supported for the current GPU\. "
        r"Minimum capability: (?P<least>\d+)\. Current capability: (?P<has>\d+)",
        "quantization {what} needs a GPU of compute capability {least} (written without its point), this one has {has}",
    ),
    (
        r"fp8e4nv not supported|FP8 .*compute capability|Quantization scheme is not supported for the current GPU",
        "this GPU cannot compute in this number format: fp8 needs compute capability 8.9 (Ada, Hopper) or later",
    ),
    (
        r"Bfloat16 is only supported on GPUs with compute capability of at least 8\.0",
        "this GPU cannot compute in bfloat16, which needs compute capability 8.0: set dtype to float16",
    ),
    (
        r"Unknown quantization method: (?P<what>\S+?)\.? Must|(?P<that>\S+) quantization is currently not supported",
        "this vLLM cannot quantize so on this device: choose another quantization",
    ),
    (
        r"World size \((?P<what>\d+)\) is larger than the number of available GPUs|"
        r"number of required GPUs exceeds|local[_ ]rank \d+ is out of bounds",
        "it is to run on more GPUs than it was given: lower tensor_parallel_size, or name more gpus",
    ),
    (
        r"Failed to infer device type",
        "this vLLM finds no device that it was built for: see whether nvidia-smi answers",
    ),
    (
        r"Sleep mode is not supported on current platform",
        "this platform has no sleep mode: take enable_sleep_mode out",
    ),
    (r"Value error, (?P<why>.+?)(?: \[type=.*)?$", "vLLM refuses its configuration: {why}"),
)

_COMMANDS: tuple[tuple[str, str], ...] = (
    (r"out of memory", "its device is out of memory: give it a smaller model or batch, or end what else is there"),
    (r"address already in use", "a port that it wants was taken by another program"),
    (
        r"No module named '?(?P<what>[\w.]+)",
        "its interpreter has no package {what}: install it there, or name another in the arm's python",
    ),
    *_ANYBODYS,
)


_ERROR = re.compile(r"(?:^|\s)(?P<error>[A-Z]\w*(?:Error|Exception): \S.*)")
_POINTS_ELSEWHERE = "See root cause above"


def plain_cause(lines: Sequence[str], *, vllm: bool = True) -> str:
    """The most telling cause in `lines`: a known one in plain words, else the last error named; "" without any.

    `vllm`: they are a vLLM server's, and the remedy may be one of its arguments.
    """
    for pattern, sentence in _VLLMS if vllm else _COMMANDS:
        for line in reversed(lines):
            found = re.search(pattern, line, re.IGNORECASE)
            if found:
                return sentence.format(**{key: (value or "").strip() for key, value in found.groupdict().items()})
    errors = (_ERROR.search(line) for line in reversed(lines) if _POINTS_ELSEWHERE not in line)
    return next((found["error"] for found in errors if found), "")
