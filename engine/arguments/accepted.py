"""What a version of vLLM accepts, and what is wrong with an argument that it does not. Pure, but for one shipped file.

Names are vLLM's own, with underscores, and whole: its parser would take an unambiguous beginning of a name too, but
then the same demo could mean another thing with the next version.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import orjson

if TYPE_CHECKING:
    from pydantic import JsonValue  # the simulated server starts in half a second, and pydantic is a part of one

SHIPPED = "vllm-0.32.0.json"
"""The list for where there is no vLLM to ask; `python -m engine.arguments PYTHON` writes one."""

Kind = Literal["switch", "flag", "integer", "number", "list", "text"]

_TAKES: dict[Kind, str] = {
    "switch": "true or false",
    "flag": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "list": "a list",
    "text": "a value",
}

# What people write whose spelling leads nowhere near.
_SYNONYMS = {
    "bf16": "bfloat16",
    "fp16": "float16",
    "f16": "float16",
    "fp32": "float32",
    "f32": "float32",
    "batch_size": "max_num_seqs",
    "max_batch_size": "max_num_seqs",
    "context_length": "max_model_len",
    "max_seq_len": "max_model_len",
    "tp": "tensor_parallel_size",
    "cuda_graphs": "enforce_eager",
    "cudagraph_mode": "compilation_config",
}

_SET = "is set by wattrace"
_CUTS_OFF = "would cut wattrace's clients off"
_REFUSED = {
    **dict.fromkeys(("model", "port", "host", "served_model_name"), (_SET, "take it out")),
    **dict.fromkeys(("api_key", "uds", "root_path", "ssl_keyfile", "ssl_certfile"), (_CUTS_OFF, "take it out")),
    **dict.fromkeys(("headless", "grpc", "config"), (_CUTS_OFF, "take it out")),
    "hf_token": ("would be written into the recording", "set HF_TOKEN in wattrace's own environment"),
}


@dataclass(frozen=True)
class Argument:
    """One argument: what kind of value it takes, and which, where those are known."""

    kind: Kind
    choices: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Keys of the mapping that it takes."""


@dataclass(frozen=True)
class Complaint:
    """What is wrong with one argument, and what would be right."""

    problem: str
    remedy: str


@dataclass(frozen=True)
class Accepted:
    """The arguments of vLLM `version`, by name. `server` is the module that starts its server."""

    version: str
    server: str
    arguments: Mapping[str, Argument]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Accepted:
        """From what `question.py` answers. Raises KeyError, TypeError or AttributeError for anything else."""
        arguments = {
            str(name): Argument(
                cast(Kind, facts["kind"]), tuple(facts.get("choices", ())), tuple(facts.get("keys", ()))
            )
            for name, facts in answer["arguments"].items()
        }
        return cls(str(answer["vllm"]), str(answer["server"]), arguments)

    def complaint(self, requested: Mapping[str, JsonValue], *, extra: Iterable[str] = ()) -> Complaint | None:
        """What is wrong with the first wrong argument of `requested`; None: nothing. Names in `extra` pass."""
        for name, value in requested.items():
            if name not in extra and (found := self._about(name, value)):
                return found
        return None

    def _about(self, name: str, value: JsonValue) -> Complaint | None:
        if name in _REFUSED:
            why, remedy = _REFUSED[name]
            return Complaint(f"the argument {name!r} {why}", remedy)
        argument = self.arguments.get(name)
        if argument is None:
            return Complaint(f"vLLM {self.version} has no argument {name!r}", _suggest(name, self.arguments))
        if value is None:
            return None
        if not _fits(argument.kind, value):
            problem = f"the argument {name!r} of vLLM {self.version} takes {_TAKES[argument.kind]}, not {value!r:.60}"
            return Complaint(problem, "")
        return self._chosen(name, argument, value) or self._keyed(name, argument, value)

    def _chosen(self, name: str, argument: Argument, value: JsonValue) -> Complaint | None:
        for each in value if isinstance(value, list) else [value]:
            if argument.choices and str(each) not in argument.choices:
                known = ", ".join(argument.choices[:12]) + (", ..." if len(argument.choices) > 12 else "")
                remedy = _suggest(str(each), argument.choices) or f"it takes {known}"
                return Complaint(f"the argument {name!r} of vLLM {self.version} does not take {each!r:.60}", remedy)
        return None

    def _keyed(self, name: str, argument: Argument, value: JsonValue) -> Complaint | None:
        if not argument.keys or not isinstance(value, dict):
            return None
        for key in value:
            if key.partition(".")[0] not in argument.keys:
                problem = f"the argument {name!r} of vLLM {self.version} has no key {key!r}"
                return Complaint(problem, _suggest(key, argument.keys))
        return None


@lru_cache(maxsize=1)
def shipped() -> Accepted:
    """The list that comes with wattrace."""
    return Accepted.of(orjson.loads(Path(__file__).with_name(SHIPPED).read_bytes()))


def _fits(kind: Kind, value: JsonValue) -> bool:
    """Whether a value is of the kind; numbers may be spelled as text, since a command line is text anyway."""
    if kind in ("switch", "flag") or isinstance(value, bool):
        return kind in ("switch", "flag") and isinstance(value, bool)
    if kind == "list":
        return not isinstance(value, dict)
    if kind == "text":
        return True
    try:
        (int if kind == "integer" else float)(str(value))
    except ValueError:
        return False
    return True


def _suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean 'max_num_seqs'?`, or nothing when nothing is near."""
    names = list(known)
    plain = name.replace("-", "_").lower()
    synonym = _SYNONYMS.get(plain)
    near = [synonym] if synonym in names else difflib.get_close_matches(plain, names, n=1)
    if not near and len(plain) > 3:
        holding = [other for other in names if plain in other.split("_")]
        near = holding if len(holding) == 1 else []
    return f"did you mean {near[0]!r}?" if near else ""
