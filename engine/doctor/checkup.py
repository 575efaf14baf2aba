"""Findings of a check-up: what was found, how bad that is, and what to do. Pure: facts in, findings out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from engine.validity import Reason

Level = Literal["ok", "warning", "problem"]
"""`problem`: the demo cannot race now."""

_STEADY_CLOCKS = frozenset({"tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page", "xen"})
_ROOMY_BYTES = 1 << 30
_BYTES_PER_SECOND = 100_000
"""A recording at 100 Hz with two arms that talk fast, generously."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    level: Level
    text: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """The fields, as JSON has them."""
        return asdict(self)


@dataclass(frozen=True)
class Refusal:
    """Why a device cannot be had, in words, and what to do."""

    what: str
    remedy: str = ""


def could_race(findings: Iterable[Finding]) -> bool:
    """Whether nothing stands in the way."""
    return all(finding.level != "problem" for finding in findings)


def driver(refusal: Refusal | None, devices: Sequence[Mapping[str, Any]], *, needed: bool) -> Finding:
    """NVIDIA's driver and NVML."""
    if refusal is not None:
        text = refusal.what if needed else f"{refusal.what}; this demo needs none"
        return Finding("driver", "problem" if needed else "ok", text, refusal.remedy if needed else "")
    version = devices[0].get("driver") if devices else None
    gpus = "1 GPU" if len(devices) == 1 else f"{len(devices)} GPUs"
    return Finding("driver", "ok", f"NVIDIA driver {version or 'of unknown version'}, {gpus}")


def wanted_gpus(wanted: Iterable[int | str], devices: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
    """Every GPU that the demo's arms ask for by index or UUID."""
    known = {str(device.get("index")) for device in devices} | {str(device.get("uuid")) for device in devices}
    for gpu in wanted:
        if str(gpu) not in known:
            there = ", ".join(sorted(known)) or "none"
            yield Finding("gpu", "problem", f"the demo asks for GPU {gpu}; there are {there}", "correct its arms' gpus")


def board(device: Mapping[str, Any]) -> Iterable[Finding]:
    """How one GPU is set up: persistence mode and power limit, where the driver tells."""
    name = f"GPU {device.get('index')}"
    persistence, limit = device.get("persistence"), device.get("power_limit_watts")
    default = device.get("power_limit_default_watts")
    if persistence is False:
        text = f"{name}: persistence mode is off, so its driver state and clocks may be set up anew for each use"
        yield Finding("persistence", "warning", text, f"sudo nvidia-smi -i {device.get('index')} -pm 1")
    elif persistence:
        yield Finding("persistence", "ok", f"{name}: persistence mode is on")
    if limit is None or default is None:
        return
    if abs(limit - default) > 1:
        text = f"{name}: the power limit is {limit:.0f} W, the board's default is {default:.0f} W"
        remedy = f"if that is not meant: sudo nvidia-smi -i {device.get('index')} -pl {default:.0f}"
        yield Finding("power limit", "warning", text, remedy)
    else:
        yield Finding("power limit", "ok", f"{name}: {limit:.0f} W, the board's default")


def sensor(name: str, report: Mapping[str, Any]) -> Iterable[Finding]:
    """What a few seconds of readings say of one device's sensor."""
    reasons = [Reason(code) for code in report["reasons"]]
    grave = [reason for reason in reasons if reason.weight != "note"]
    for reason in reasons:
        level: Level = "ok" if reason.weight == "note" else "warning"
        remedy = _lowered(reason.remedy) if reason in grave else ""
        yield Finding("sensor", level, f"{name}: {_lowered(reason.sentence)}", remedy)
    if Reason.NOT_SUPPORTED in reasons:
        return
    achieved, asked = report["achieved_hz"], report["asked_hz"]
    if achieved is None:
        yield Finding(
            "sensor", "warning", f"{name}: no readings came", "see what the driver reports (nvidia-smi, dmesg)"
        )
    elif asked and achieved < 0.95 * asked:
        text = f"{name}: {achieved:.0f} of {asked:.0f} readings a second were reached"
        yield Finding("sensor", "warning", text, "see what keeps the processor's cores, or the driver, busy")
    elif not grave:
        yield Finding("sensor", "ok", f"{name}: {achieved:.0f} readings a second, and its sensors agree")


def cpu_counter(refusal: Refusal | None, *, needed: bool) -> Finding:
    """The processor's own energy counters (RAPL)."""
    if refusal is None:
        return Finding("processor energy", "ok", "the processor's energy counters can be read")
    if needed:
        text = f"{refusal.what}; watts and joules of this demo will be unknown"
        return Finding("processor energy", "warning", text, refusal.remedy)
    return Finding("processor energy", "ok", f"{refusal.what}; this demo does without")


def interpreter(python: str, version: str | None) -> Finding:
    """An interpreter that is to run vLLM, and the version that it has."""
    if version is None:
        remedy = "install vllm there, or name another interpreter in WATTRACE_VLLM_PYTHON"
        return Finding("vllm", "problem", f"there is no vLLM in {python}", remedy)
    return Finding("vllm", "ok", f"vLLM {version} in {python}")


def model(name: str, found: str | None, *, on_cpu: bool) -> Finding:
    """The demo's model: a race downloads nothing on stage."""
    if found is not None:
        return Finding("model", "ok", f"{name} is in {found}")
    fetch = "run `make engine-cpu`" if on_cpu else f"huggingface-cli download {name}"
    return Finding("model", "problem", f"the model {name} is not on this machine", f"{fetch}, or name a folder")


def disk(folder: str, free_bytes: int, *, writable: bool, seconds: float) -> Finding:
    """Room for a recording of so many seconds."""
    if not writable:
        return Finding("disk", "problem", f"{folder} cannot be written", "name another folder in WATTRACE_DATA")
    room = f"{free_bytes / 1e9:.1f} GB free in {folder}"
    if free_bytes < seconds * _BYTES_PER_SECOND:
        return Finding("disk", "problem", f"{room}: too little for a recording", "free some, or set WATTRACE_DATA")
    if free_bytes < _ROOMY_BYTES:
        return Finding("disk", "warning", room, "free some before long races")
    return Finding("disk", "ok", room)


def port(number: int, *, free: bool) -> Finding:
    """The port that the dashboard is served on."""
    if free:
        return Finding("port", "ok", f"port {number} is free")
    return Finding(
        "port", "warning", f"port {number} is in use by another program", "stop it, or choose another: --port"
    )


def clock_source(name: str | None) -> Finding:
    """What the kernel tells the time by."""
    if name is None or name in _STEADY_CLOCKS:
        return Finding("clock", "ok", f"clock source {name or 'of the system'}")
    text = f"the clock source is {name}, which is slow to read, so times are less exact"
    return Finding("clock", "warning", text, "boot with clocksource=tsc where the processor's is reliable (see dmesg)")


def _lowered(sentence: str) -> str:
    """A sentence as a part of a line."""
    keeps = sentence.startswith(("GPU", "NVIDIA"))
    return (sentence if keeps else sentence[0].lower() + sentence[1:]).removesuffix(".")
