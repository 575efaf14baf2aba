"""What must be the same in two races before their figures may stand side by side. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.documents import ArmInfo, Start

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Difference:
    """The races differ in `what`: each value with the files that have it."""

    what: str
    files: Mapping[str, Sequence[str]]

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"what": self.what, "values": [{"value": value, "files": names} for value, names in self.files.items()]}

    def __str__(self) -> str:
        values = (f"{value} ({', '.join(names)})" for value, names in self.files.items())
        return f"{self.what}: {', '.join(values)}"


def facts(start: Start) -> dict[str, str]:
    """What a race was about and ran on, in words, by what that is."""
    return {what: describe(start) for what, describe in _FACTS.items()}


def differences(starts: Mapping[str, Start]) -> list[Difference]:
    """What the races of these files differ in, so that their figures cannot be compared as they stand."""
    told = {file: facts(start) for file, start in starts.items()}
    found = []
    for what in _FACTS:
        files: dict[str, list[str]] = {}
        for file, fact in told.items():
            files.setdefault(fact[what], []).append(file)
        if len(files) > 1:
            found.append(Difference(what, files))
    return found


def settings(start: Start, arm: ArmInfo) -> dict[str, Any]:
    """What else makes an arm what it is: its part of the demo, and the power limits of the devices that it runs on."""
    number = next(n for n, one in enumerate(start.arms) if one.label == arm.label)
    own = [device for device in _devices(start) if f"gpu{device.get('index')}" in arm.devices] or _devices(start)
    return {
        **arm.model_dump(exclude={"label", "devices"}),
        "demo": dict(enumerate(_arms(start))).get(number),
        "power_limit_watts": [device.get("power_limit_watts") for device in own],
    }


def _model(start: Start) -> str:
    model = _at(start.provenance, "model")
    revision = f" at {model['revision']}" if model.get("revision") else ""
    named = [f"{model['id']}{revision}"] if model.get("id") else []
    # A server of somebody else's is asked for a model by the arm's own name for it.
    named += [str(arm["model"]) for arm in _arms(start) if arm.get("model")]
    return " and ".join(dict.fromkeys(named)) or UNKNOWN


def _prompts(start: Start) -> str:
    """Which prompts, how long answers may get (half of what one costs is its length), and what may be reused."""
    name, digest = start.provenance.get("prompts"), start.provenance.get("prompts_sha256")
    workload = _at(start.demo, "workload")
    if digest is None:
        return UNKNOWN
    words = f"{name or 'prompts'} {str(digest)[:8]}"
    if (tokens := workload.get("max_tokens")) is not None:
        words += f" with {'' if workload.get('fixed_length') else 'up to '}{tokens} tokens each"
    cache = workload.get("prefix_cache", "keep")
    return words if cache == "keep" else f"{words}, prefix cache {str(cache).replace('_', ' ')}"


def _gpu(start: Start) -> str:
    """The names of the devices that were measured; without any, the processor's."""
    names = sorted({str(device["name"]) for device in _devices(start) if device.get("name")})
    return " and ".join(names) or str(_at(start.provenance, "host").get("cpu") or UNKNOWN)


def _simulation(start: Start) -> str:
    simulated = [what for what, is_so in sorted(start.simulated.items()) if is_so]
    return f"simulated {' and '.join(simulated)}" if simulated else "all real"


def _devices(start: Start) -> list[dict[str, Any]]:
    listed = _at(start.provenance, "devices").get("devices")
    return [device for device in listed if isinstance(device, dict)] if isinstance(listed, list) else []


def _arms(start: Start) -> list[dict[str, Any]]:
    arms = start.demo.get("arms")
    return [arm for arm in arms if isinstance(arm, dict)] if isinstance(arms, list) else []


def _at(tree: Mapping[str, Any], key: str) -> dict[str, Any]:
    branch = tree.get(key)
    return branch if isinstance(branch, dict) else {}


_FACTS: dict[str, Callable[[Start], str]] = {
    "model": _model,
    "prompts": _prompts,
    "GPU": _gpu,
    "simulation": _simulation,
}
