"""Findings about what power is read from. Pure: facts in, findings out."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.doctor.findings import Finding, Level, Refusal
from engine.validity import Reason


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


def energy_support(name: str, report: Mapping[str, Any]) -> Finding:
    """Whether a device counts its energy itself; without a counter, power is integrated."""
    if report["counter_per_second"] is not None:
        return Finding("energy", "ok", f"{name}: has an energy counter, the most exact way")
    if report["achieved_hz"] is None:
        return Finding("energy", "warning", f"{name}: gives neither energy nor power", "race on a GPU that does")
    text = f"{name}: has no energy counter, so its power readings are added up"
    return Finding("energy", "ok", text)


def cpu_counter(refusal: Refusal | None, *, needed: bool) -> Finding:
    """The processor's own energy counters (RAPL)."""
    if refusal is None:
        return Finding("processor energy", "ok", "the processor's energy counters can be read")
    if needed:
        text = f"{refusal.what}; watts and joules of this demo will be unknown"
        return Finding("processor energy", "warning", text, refusal.remedy)
    return Finding("processor energy", "ok", f"{refusal.what}; this demo does without")


def _lowered(sentence: str) -> str:
    """A sentence as a part of a line."""
    keeps = sentence.startswith(("GPU", "NVIDIA"))
    return (sentence if keeps else sentence[0].lower() + sentence[1:]).removesuffix(".")
