"""Sampling the devices of one kind for a few seconds, through the process that a race would use."""

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.doctor.findings import Refusal
from engine.documents import Document, Page
from engine.errors import DeviceError, SamplerDied
from engine.sampling import Sampler
from engine.sensing import Sensing


@dataclass(frozen=True)
class Look:
    """What sampling one kind of device came to; `devices`, `reports` and `rows` are in the same order."""

    devices: list[dict[str, Any]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    """The newest of every slow column, and of the processes', by column."""
    refusal: Refusal | None = None


class _Newest:
    """The newest value of each slow column, by device."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}

    def add(self, document: Document) -> None:
        """Take a document; only pages of `gpu0.slow` and `gpu0.processes` and the like count."""
        if not isinstance(document, Page):
            return
        device, _, lane = document.stream.partition(".")
        if lane in {"slow", "processes"}:
            known = self.rows.setdefault(device, {})
            known |= {name: column[-1] for name, column in document.data.items() if column and column[-1] is not None}


async def look(kind: str, seconds: float) -> Look:
    """Sample the devices of one kind as a race would."""
    sensing, newest = Sensing(), _Newest()

    def take(document: Any) -> None:
        sensing.add(document)
        newest.add(document)

    sampler = Sampler(source=kind, clock_origin_ns=time.monotonic_ns(), on_document=take)
    try:
        async with sampler:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(sampler.wait(), seconds)
    except DeviceError as error:
        return Look(refusal=Refusal(error.what, error.remedy or "see what the driver reports (nvidia-smi, dmesg)"))
    except SamplerDied as error:
        return Look(refusal=Refusal(str(error), "run it again with --debug, and report what it says"))
    devices = sampler.provenance.get("devices")
    facts = [dict(device) for device in devices if isinstance(device, dict)] if isinstance(devices, list) else []
    return Look(facts, sensing.reports(), [newest.rows.get(stream, {}) for stream in sensing.devices])


def process_ids(row: Mapping[str, Any]) -> list[int] | None:
    """The processes that compute on a device, out of its newest row; None when the driver does not tell."""
    ids = row.get("compute_process_ids")
    if ids is None:
        return None
    return [int(pid) for pid in re.findall(r"\d+", str(ids))]


def device_name(kind: str, device: Mapping[str, Any]) -> str:
    """What a device is called in a sentence."""
    return {"rapl": "processor", "simulated": "simulated GPU"}.get(kind) or f"GPU {device.get('index')}"
