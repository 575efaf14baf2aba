"""Asked in an arm's own interpreter: which arguments does the vLLM there accept?

This file's text is what that interpreter runs (`python -c`), so it imports nothing of wattrace, and is content with
any Python that vLLM runs on. Its last line of output is PREFIX and a JSON object: `vllm` is null where there is no such
package, else its version; `arguments` has one entry for each name, as `accepted.Argument` has it.
"""

import argparse
import dataclasses
import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

PREFIX = "wattrace: "

# Where the parser and the server have been, newest first.
PARSERS = ("vllm.entrypoints.launchers.cli_args", "vllm.entrypoints.openai.cli_args")
FLEXIBLE = ("vllm.utils.argparse_utils", "vllm.utils")
SERVERS = ("vllm.entrypoints.openai.api_server", "vllm.entrypoints.launchers.api_server.entry")
# Arguments that take JSON whose keys are known, with the configuration class that they become.
CONFIGURATIONS = ("attention", "compilation", "kernel", "speculative", "structured_outputs")


def answer() -> dict[str, Any]:
    """Everything that is known here."""
    if importlib.util.find_spec("vllm") is None:
        return {"vllm": None}
    import vllm  # type: ignore[import-not-found]  # it is where this runs

    try:
        return told(vllm)
    except (Exception, SystemExit) as error:
        return {"vllm": str(vllm.__version__), "untold": f"{type(error).__name__}: {error}"}


def told(vllm: Any) -> dict[str, Any]:
    """What this vLLM says of itself; it may be one that keeps its parser elsewhere."""
    parser = first(PARSERS, "make_arg_parser")(first(FLEXIBLE, "FlexibleArgumentParser")())
    return {
        "vllm": str(vllm.__version__),
        "server": next(name for name in SERVERS if importlib.util.find_spec(name)),
        "files": files(Path(vllm.__file__).absolute().parent),
        "arguments": dict(entry for action in parser._actions for entry in entries(action)),
    }


def files(package: Path) -> "list[str]":
    """Files that change when vLLM does: an upgrade writes them anew, and who works on it edits the last."""
    names = ("__init__.py", "_version.py", "engine/arg_utils.py")
    return [str(package / name) for name in names if (package / name).exists()]


def first(modules: "tuple[str, ...]", name: str) -> Any:
    """`name` out of the first of `modules` that is there."""
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise SystemExit(f"this vLLM has no {name} in any of {modules}")


def entries(action: argparse.Action) -> "list[tuple[str, dict[str, Any]]]":
    """One entry for each of an option's long names; none for what is no option."""
    switch = isinstance(action, argparse.BooleanOptionalAction)
    names = [option[2:] for option in action.option_strings if option.startswith("--")]
    names = [name for name in names if not (switch and name.startswith("no-"))]
    if action.dest == "help":
        return []
    facts: dict[str, Any] = {"kind": kind(action)}
    if action.choices is not None:
        facts["choices"] = [str(choice) for choice in action.choices if choice is not None]
    if action.dest == "quantization" and "choices" not in facts:
        facts["choices"] = quantizations()
    if keys := configuration_keys(action.dest):
        facts["keys"] = keys
    return [(name.replace("-", "_"), {key: value for key, value in facts.items() if value}) for name in names]


def kind(action: argparse.Action) -> str:
    """What the option takes: switch (true or false), flag (true), integer, number, list, or text (JSON included)."""
    if isinstance(action, argparse.BooleanOptionalAction):
        return "switch"
    if action.nargs == 0:
        return "flag"
    if action.nargs in ("+", "*"):
        return "list"
    return {int: "integer", float: "number"}.get(action.type, "text")  # type: ignore[call-overload, no-any-return]  # of any type


def quantizations() -> "list[str]":
    """The quantization methods, plugins' included, which the parser leaves to the engine to check."""
    try:
        first(("vllm.plugins",), "load_general_plugins")()
        return [str(name) for name in first(("vllm.model_executor.layers.quantization",), "QUANTIZATION_METHODS")]
    except SystemExit:
        return []


def configuration_keys(dest: str) -> "list[str]":
    """The keys that a JSON argument may have, where they are known."""
    name = dest.removesuffix("_config")
    if name == dest or name not in CONFIGURATIONS:
        return []
    camel = "".join(part.capitalize() for part in dest.split("_"))
    kind = getattr(importlib.import_module("vllm.config"), camel, None)
    return sorted(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else []


if __name__ == "__main__":
    print(PREFIX + json.dumps(answer()), flush=True)
