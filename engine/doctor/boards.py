"""Findings about the GPUs: there, set up well, and free. Pure: facts in, findings out.

A `device` is what a recording's provenance says of a board; a `row` its newest slow readings by column.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.doctor.findings import Finding, Refusal, counted

Device = Mapping[str, Any]

# nvml.h, nvmlClocksEventReason*: what holds the clocks down, in words, and what to do. An idle GPU (0x1), clocks of
# another GPU in a group (0x10) and a display's (0x100) are no fault of the board.
_HELD_BACK: tuple[tuple[int, str, str], ...] = (
    (0x2, "its clocks are held by a setting (application or locked clocks)", "sudo nvidia-smi -i {index} -rgc -rac"),
    (0x4, "its power limit holds its clocks down", "see what keeps it busy: nvidia-smi -i {index}"),
    (0x8, "its hardware slows it down (too hot, or too little power)", "see nvidia-smi -q -d PERFORMANCE,TEMPERATURE"),
    (0x20, "its driver slows it down because it is hot", "let it cool, and see to its fans and the air around it"),
    (0x40, "its hardware slows it down because it is hot", "let it cool, and see to its fans and the air around it"),
    (0x80, "an external power brake slows it down", "see to its power supply and its cables"),
)


def driver(refusal: Refusal | None, devices: Sequence[Device], *, needed: bool) -> Finding:
    """NVIDIA's driver and NVML."""
    if refusal is not None:
        text = refusal.what if needed else f"{refusal.what}; this demo needs none"
        return Finding("driver", "problem" if needed else "ok", text, refusal.remedy if needed else "")
    version = devices[0].get("driver") if devices else None
    return Finding("driver", "ok", f"NVIDIA driver {version or 'of unknown version'}, {counted(len(devices), 'GPU')}")


def wanted_gpus(wanted: Iterable[int | str], devices: Sequence[Device]) -> Iterable[Finding]:
    """Every GPU that the demo's arms ask for by index or UUID."""
    there = ", ".join(f"{device.get('index')} ({device.get('uuid')})" for device in devices) or "none"
    for gpu in wanted:
        device = find(gpu, devices)
        if device is None:
            remedy = "name others in its arms' gpus, or race another demo: wattrace demos"
            yield Finding("gpu", "problem", f"the demo asks for GPU {gpu}; there are {there}", remedy)
        else:
            yield Finding("gpu", "ok", f"GPU {device.get('index')}: {device.get('name')}, {device.get('uuid')}")


def find(gpu: int | str, devices: Iterable[Device]) -> Device | None:
    """The device that a demo calls by this index or UUID."""
    return next((each for each in devices if str(gpu) in {str(each.get("index")), str(each.get("uuid"))}), None)


def board(device: Device, *, limit_is_needed: bool = False) -> Iterable[Finding]:
    """How one GPU is set up, where the driver tells; `limit_is_needed`: the demo has its own mind about the limit."""
    name, index = f"GPU {device.get('index')}", device.get("index")
    if device.get("persistence") is False:
        text = f"{name}: persistence mode is off, so its driver state and clocks may be set up anew for each use"
        yield Finding("persistence", "warning", text, f"sudo nvidia-smi -i {index} -pm 1")
    elif device.get("persistence"):
        yield Finding("persistence", "ok", f"{name}: persistence mode is on")
    if device.get("mig"):
        text = f"{name}: MIG is on: power and energy are the whole board's, NVML has none for an instance"
        yield Finding("mig", "warning", text, f"race on a whole board: sudo nvidia-smi -i {index} -mig 0")
    if not limit_is_needed:
        yield from _power_limit(device)
    yield from _clock_setting(device)


def _power_limit(device: Device) -> Iterable[Finding]:
    name, limit, default = f"GPU {device.get('index')}", device.get("power_limit_watts"), _default_watts(device)
    if limit is None or default is None:
        return
    if abs(limit - default) > 1:
        text = f"{name}: the power limit is {limit:.0f} W, the board's default is {default:.0f} W"
        remedy = f"if that is not meant: sudo nvidia-smi -i {device.get('index')} -pl {default:.0f}"
        yield Finding("power limit", "warning", text, remedy)
    else:
        yield Finding("power limit", "ok", f"{name}: {limit:.0f} W, the board's default")


def _default_watts(device: Device) -> float | None:
    default: float | None = device.get("power_limit_default_watts")
    return default


def _clock_setting(device: Device) -> Iterable[Finding]:
    """Application clocks: a board keeps to them for everybody, until they are reset."""
    name, present = f"GPU {device.get('index')}", device.get("clock_sm_application_megahertz")
    default = device.get("clock_sm_application_default_megahertz")
    if present is None or default is None:
        return
    if present == default:
        yield Finding("clocks", "ok", f"{name}: application clocks as the board came, {present} MHz")
    else:
        text = f"{name}: its application clock is set to {present} MHz, {default} is the board's default"
        yield Finding("clocks", "warning", text, f"if that is not meant: sudo nvidia-smi -i {device.get('index')} -rac")


def held_back(device: Device, row: Mapping[str, Any]) -> Iterable[Finding]:
    """Whether something holds the clocks down now."""
    bits = int(row.get("throttle_reasons") or 0)
    found = [(text, remedy) for bit, text, remedy in _HELD_BACK if bits & bit]
    for text, remedy in found:
        index = device.get("index")
        yield Finding("clocks", "warning", f"GPU {index}: {text}", remedy.format(index=index))
    celsius, megahertz = row.get("temperature_celsius"), row.get("clock_sm_megahertz")
    if not found and row.get("throttle_reasons") is not None:
        more = [f"{celsius:.0f} °C" if celsius is not None else "", f"{megahertz:.0f} MHz" if megahertz else ""]
        now = ", ".join(part for part in more if part)
        yield Finding("clocks", "ok", f"GPU {device.get('index')}: nothing holds it back now{now and f' ({now})'}")


def foreign(device: Device, processes: Mapping[int, str | None] | None) -> Finding:
    """Programs that compute on one GPU now, with their names where they may be read; None: the driver does not say."""
    name = f"GPU {device.get('index')}"
    if processes is None:
        return Finding("foreign", "ok", f"{name}: the driver does not tell which programs compute on it")
    if not processes:
        return Finding("foreign", "ok", f"{name}: nobody else computes on it")
    who = ", ".join(f"{pid} ({comm or 'its name is hidden from here'})" for pid, comm in processes.items())
    text = f"{name}: {counted(len(processes), 'other program')} on it, whose watts would count as the arms': {who}"
    return Finding("foreign", "warning", text, "end what is yours of them, or choose another GPU in the arms' gpus")
