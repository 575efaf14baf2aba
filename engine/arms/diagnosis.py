"""What a server's last log lines mean, in one plain sentence. Pure."""

import re
from collections.abc import Sequence

_CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"out of memory|No available memory for the cache blocks|less than desired GPU memory",
        "the device is out of memory: lower gpu_memory_utilization or max_model_len, or choose a smaller model",
    ),
    (
        r"larger than the available KV cache memory",
        "its cache is too small for one request: lower max_model_len, or give it more memory",
    ),
    (r"address already in use", "its port was taken by another program: start the race again"),
    (r"unrecognized arguments?: (?P<what>.+)", "vLLM does not know the argument {what}: see its --help"),
    (r"argument (?P<what>--[\w-]+): (?P<why>.+)", "vLLM refuses the argument {what}: {why}"),
    (
        r"No module named '?(?P<what>[\w.]+)",
        "its interpreter has no package {what}: name another in WATTRACE_VLLM_PYTHON",
    ),
    (
        r"(?:Repo id must be|is not a local folder|Can't load the configuration of|Invalid repository ID)",
        "the model is not on this machine: download it first, or name its folder in the demo",
    ),
    (
        r"(?:LocalEntryNotFoundError|outgoing traffic has been disabled)",
        "the model is not in the local cache: download it first",
    ),
    (
        r"no kernel image is available|CUDA driver version is insufficient",
        "this vLLM was built for another GPU or driver",
    ),
)


_ERROR = re.compile(r"(?:^|\s)(?P<error>[A-Z]\w*(?:Error|Exception): \S.*)")
_POINTS_ELSEWHERE = "See root cause above"


def plain_cause(lines: Sequence[str]) -> str:
    """The most telling cause in `lines`: a known one in plain words, else the last error named; "" without any."""
    for pattern, sentence in _CAUSES:
        for line in reversed(lines):
            found = re.search(pattern, line, re.IGNORECASE)
            if found:
                return sentence.format(**{key: value.strip() for key, value in found.groupdict().items()})
    errors = (_ERROR.search(line) for line in reversed(lines) if _POINTS_ELSEWHERE not in line)
    return next((found["error"] for found in errors if found), "")
