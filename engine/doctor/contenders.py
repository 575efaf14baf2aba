"""Findings about the arms: that what each runs on, asks for and answers with is there. Pure: facts in, findings out."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from engine.doctor.findings import Finding
from engine.errors import ArmError

_GATED = "if its page asks you to accept a licence, do that first, and then `hf auth login`"


def interpreter(arms: str, python: str, version: str | None) -> Finding:
    """An interpreter that is to run vLLM for `arms`; `version` None: its vLLM does not tell about itself."""
    if version is None:
        text = f"{arms}: there is a vLLM in {python}, which does not say what it takes"
        return Finding("vllm", "warning", text, "see whether a short race goes through: wattrace run --rounds 2")
    return Finding("vllm", "ok", f"{arms}: vLLM {version} in {python}")


def no_interpreter(arms: str, python: str) -> Finding:
    """What is to run vLLM for `arms` does not even say that it has one."""
    text = f"{arms}: {python} is no Python that can import vLLM"
    return Finding("vllm", "problem", text, f"see what it says: {shlex.quote(python)} -c 'import vllm'")


def arguments(label: str, requested: Iterable[str], version: str | None) -> Finding:
    """An arm's arguments, which its own vLLM accepts; `version` None: that one does not say."""
    names = ", ".join(requested) or "none of its own"
    if version is None:
        return Finding(
            "arguments", "ok", f"arm {label}: {names}: not checked, since its vLLM does not say what it takes"
        )
    return Finding("arguments", "ok", f"arm {label}: {names}: accepted by vLLM {version}")


def refused(check: str, arms: str, error: ArmError) -> Finding:
    """What stands in the way of `arms`, in the words that the race would end with."""
    return Finding(check, "problem", f"{arms}: {error.problem}", error.remedy or "correct the demo, or use --simulate")


def model(name: str, found: Path | None, *, on_cpu: bool, offline: str | None, token: bool) -> Finding:
    """A model that an arm loads: a race downloads nothing on stage. `offline`: what forbids the hub, if anything."""
    if found is not None:
        return Finding("model", "ok", f"{name} is in {found}")
    if on_cpu:
        return Finding("model", "problem", f"the model {name} is not on this machine", "run `make engine-cpu`")
    fetch = f"huggingface-cli download {name}, or name a folder that holds it"
    if offline:
        fetch = f"{offline} forbids the hub: without it, {fetch}"
    if not token:
        fetch += f"; {_GATED}"
    text = f"the model {name} is not whole on this machine, and wattrace downloads nothing"
    return Finding("model", "problem", text, fetch)


def hub(offline: str | None) -> Finding:
    """Whether the Hugging Face hub may be asked; a model that is here needs it for nothing."""
    if offline:
        return Finding("hub", "ok", f"{offline}: nothing is asked of the Hugging Face hub")
    text = "vLLM may ask the Hugging Face hub whether its model is the newest, which a room's network can hold up"
    return Finding("hub", "ok", text, "once the model is here: export HF_HUB_OFFLINE=1")


def server(label: str, url: str, model: str) -> Finding:
    """An openai arm's server, which answers."""
    return Finding("server", "ok", f"arm {label}: the server at {url} answers, with the model {model}")


def program(label: str, words: Iterable[str]) -> Finding:
    """A command arm's program, which is there."""
    return Finding("command", "ok", f"arm {label}: runs {shlex.join(words)}")
