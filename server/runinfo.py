"""What viewers are told once about a run: its `start` and descriptors, made short. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.documents import Descriptor, Start
from engine.schedule import pattern


def run_info(start: Start, descriptors: Iterable[Descriptor], replay: dict[str, Any] | None) -> dict[str, Any]:
    """The `run` of a `hello`."""
    demo = start.demo
    power = next((found for found in descriptors if is_power(found.stream)), None)
    return {
        "id": start.run,
        "demo": clipped(demo.get("name")),
        "title": clipped(demo.get("title")),
        "learn": clipped(demo.get("learn")),
        "model": _model(start),
        "utc": start.utc,
        "seed": start.seed,
        "arms": [{"label": arm.label, "name": arm.name, "runtime": arm.runtime} for arm in start.arms],
        "schedule": schedule_info(demo.get("schedule"), [arm.label for arm in start.arms]),
        "device": (power.device_name or power.device) if power else None,
        "power_source": power.source if power else None,
        "simulated": start.simulated,
        "replay": replay,
    }


def schedule_info(schedule: Any, labels: Sequence[str]) -> dict[str, Any]:
    """What viewers need of a demo's schedule; `order` is the pattern that the rounds repeat."""
    known = schedule if isinstance(schedule, Mapping) else {}
    return {
        "mode": known.get("mode", "alternate"),
        "round_seconds": known.get("round_seconds"),
        "rounds": known.get("rounds"),
        "order": pattern(known.get("mode", "alternate"), labels) if labels else [],
    }


def is_power(stream: str) -> bool:
    """`gpu0`, `gpu1`, ...: the streams of power and energy."""
    return stream.startswith("gpu") and "." not in stream


def clipped(value: Any, length: int = 300) -> str | None:
    """Text short enough for every `hello`; None for what is no text."""
    return value[:length] if isinstance(value, str) else None


def _model(start: Start) -> str | None:
    """The model as the demo names it for the device that it runs on."""
    models = start.demo.get("model")
    if not isinstance(models, dict):
        return None
    gpu, cpu = models.get("gpu"), models.get("cpu")
    on_cpu = start.demo.get("device") == "cpu" or not gpu
    return clipped((cpu if on_cpu else gpu) or gpu or cpu)
