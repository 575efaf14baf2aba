"""The command line: vLLM's own options, of which some are modelled and the others, as the shipped list has them, only
accepted.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from engine.arguments.accepted import Argument, shipped

OWN_ARGUMENTS = frozenset(("occupancy", "slot", "startup_seconds"))
"""What the simulator takes beside vLLM's arguments."""


@dataclass(frozen=True)
class Settings:
    """What the command line asks for, as far as the simulation heeds it."""

    model: str
    served_model_name: str
    host: str
    port: int
    occupancy: str | None
    slot: int
    startup_seconds: float | None
    seed: int
    max_num_seqs: int
    max_num_batched_tokens: int
    max_model_len: int | None
    gpu_memory_utilization: float
    kv_cache_memory_bytes: float | None
    dtype: str
    quantization: str | None
    kv_cache_dtype: str
    eager: bool
    asynchronous: bool
    prefix_caching: bool
    speculative_tokens: int
    sleep_mode: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def parse(arguments: Sequence[str]) -> Settings:
    """The settings in `arguments`; an option that vLLM has not is named, and ends the program with 2."""
    # vLLM takes its options with underscores too.
    parser = _parser()
    spelled = [_dashed(argument) for argument in arguments]
    known = parser.parse_args(spelled)
    compilation: dict[str, Any] = known.compilation_config or {}
    graphs_off = compilation.get("cudagraph_mode") == "NONE" or compilation.get("mode") == 0
    speculative: dict[str, Any] = known.speculative_config or {}
    return Settings(
        model=known.model,
        served_model_name=(known.served_model_name or [known.model])[0],
        host=known.host,
        port=known.port,
        occupancy=known.occupancy,
        slot=known.slot,
        startup_seconds=known.startup_seconds,
        seed=known.seed,
        max_num_seqs=known.max_num_seqs,
        max_num_batched_tokens=known.max_num_batched_tokens,
        max_model_len=known.max_model_len,
        gpu_memory_utilization=known.gpu_memory_utilization,
        kv_cache_memory_bytes=known.kv_cache_memory_bytes,
        dtype=known.dtype,
        quantization=known.quantization,
        kv_cache_dtype=known.kv_cache_dtype,
        eager=known.enforce_eager or graphs_off or known.optimization_level == 0,
        asynchronous=known.async_scheduling,
        prefix_caching=known.enable_prefix_caching,
        speculative_tokens=int(known.spec_tokens or speculative.get("num_speculative_tokens", 0)),
        sleep_mode=known.enable_sleep_mode,
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="engine.simulator", description=__doc__, allow_abbrev=False)
    _add_own(parser)
    _add_modelled(parser)
    taken = {option for action in parser._actions for option in action.option_strings}
    for name, argument in shipped().arguments.items():
        option = f"--{name.replace('_', '-')}"
        if option not in taken:
            parser.add_argument(option, help=argparse.SUPPRESS, **_manner(argument))
    return parser


def _manner(argument: Argument) -> dict[str, Any]:
    """How argparse is to take an option that changes nothing here."""
    match argument.kind:
        case "switch":
            return {"action": argparse.BooleanOptionalAction}
        case "flag":
            return {"action": "store_true"}
        case "list":
            return {"nargs": "+"}
        case _:
            return {"choices": argument.choices or None}


def _add_own(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--occupancy", metavar="FILE", help="where to publish what is being computed")
    parser.add_argument("--slot", type=int, default=0, help="slot of that file (from 0)")
    parser.add_argument("--startup-seconds", type=float, help="how long until it is ready")


def _add_modelled(parser: argparse.ArgumentParser) -> None:
    switch = argparse.BooleanOptionalAction
    parser.add_argument("--model", default="Qwen/Qwen2.5-1.5B-Instruct")
    parser.add_argument("--served-model-name", nargs="+")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-num-seqs", type=_positive, default=256)
    parser.add_argument("--max-num-batched-tokens", type=_positive, default=8192)
    parser.add_argument("--max-model-len", type=_positive)
    parser.add_argument("--gpu-memory-utilization", "--device-memory-utilization", type=float, default=0.92)
    parser.add_argument("--kv-cache-memory-bytes", type=_size)
    for name, short in (("dtype", ()), ("quantization", ("-q",)), ("kv_cache_dtype", ())):
        choices = shipped().arguments[name].choices
        default = None if name == "quantization" else "auto"
        parser.add_argument(f"--{name.replace('_', '-')}", *short, default=default, choices=choices)
    parser.add_argument("--enforce-eager", action=switch, default=False)
    parser.add_argument("--async-scheduling", action=switch, default=True)
    parser.add_argument("--enable-prefix-caching", action=switch, default=True)
    parser.add_argument("--enable-sleep-mode", action=switch, default=False)
    parser.add_argument("--compilation-config", "-cc", type=_mapping)
    parser.add_argument("--optimization-level", type=int)
    parser.add_argument("--speculative-config", "-sc", type=_mapping)
    parser.add_argument("--spec-tokens", type=int)
    parser.add_argument("--spec-method")
    parser.add_argument("--spec-model")


def _dashed(argument: str) -> str:
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def _positive(text: str) -> int:
    """A whole number from 1; its name is what argparse's message says."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _size(text: str) -> float:
    """Bytes, with vLLM's suffixes (k, M, G: decimal when small, binary when capital)."""
    factors = {"k": 1e3, "m": 1e6, "g": 1e9, "K": 2**10, "M": 2**20, "G": 2**30}
    if text[-1:] in factors:
        return float(text[:-1]) * factors[text[-1]]
    return float(text)


def _mapping(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"a JSON object would be right, not {text!r}")
    return value


_positive.__name__ = "positive integer"
_size.__name__ = "size"
