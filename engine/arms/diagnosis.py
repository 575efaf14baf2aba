"""What a server's last log lines mean, in one plain sentence. Pure."""

import re
from collections.abc import Sequence

_CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"out of memory|No available memory for the cache blocks|less than desired GPU memory",
        "the device is out of memory: lower gpu_memory_utilization or max_model_len, or choose a smaller model",
    ),
    (r"address already in use", "its port was taken by another program: start the race again"),
    (r"unrecognized arguments?: (?P<what>.+)", "vLLM does not know the argument {what}: see its --help"),
    (r"argument (?P<what>--[\w-]+): (?P<why>.+)", "vLLM refuses the argument {what}: {why}"),
    (r"No module named '?(?P<what>[\w.]+)", "its interpreter has no package {what}: name another in WATTRACE_VLLM_PYTHON"),
    (
        r"(?:Repo id must be|is not a local folder|Can't load the configuration of|Invalid repository ID)",
        "the model is not on this machine: download it first, or name its folder in the demo",
    ),
    (r"(?:LocalEntryNotFoundError|outgoing traffic has been disabled)", "the model is not in the local cache: download it first"),
    (r"no kernel image is available|CUDA driver version is insufficient", "this vLLM was built for another GPU or driver"),
)


def plain_cause(lines: Sequence[str]) -> str:
    """The most telling cause in `lines`, or "" when none is known."""
    for pattern, sentence in _CAUSES:
        for line in reversed(lines):
            found = re.search(pattern, line, re.IGNORECASE)
            if found:
                return sentence.format(**{key: value.strip() for key, value in found.groupdict().items()})
    return ""
